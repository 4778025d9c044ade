package drill

import (
	"context"
	"sync"

	"bonded.dev/prove/visit"
)

// Recording is what a repository answered at some time, to be played to
// clients later.
type Recording struct {
	mu      sync.Mutex
	answers map[string]visit.Response
}

// Record listens while look reads through site, and keeps every good answer.
func Record(ctx context.Context, site *visit.Site, look func(ctx context.Context, site *visit.Site) error) (*Recording, error) {
	r := &Recording{answers: map[string]visit.Response{}}
	base, stop, err := Between(ctx, site, func(path string, a visit.Response) visit.Response {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a.OK() {
			r.answers[key(path, a)] = a
		}
		return a
	})
	if err != nil {
		return nil, err
	}
	defer stop()
	seen, err := site.Via(ctx, base)
	if err != nil {
		return nil, err
	}
	return r, look(ctx, seen)
}

// key tells apart what one path answers in several forms.
func key(path string, a visit.Response) string {
	return path + " " + a.Header.Get("Content-Type")
}

// Play gives clients what was recorded, where there is something.
func (r *Recording) Play(path string, now visit.Response) visit.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	then, ok := r.answers[key(path, now)]
	if !ok {
		return now
	}
	then.Header = then.Header.Clone()
	// It is packed again as the answer was that it stands for.
	then.Header.Del("Content-Encoding")
	if coding := now.Header.Get("Content-Encoding"); coding != "" {
		then.Header.Set("Content-Encoding", coding)
	}
	return then
}
