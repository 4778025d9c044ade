package drill

import (
	"context"
	"slices"
	"strings"
	"time"
)

// patient is how long somebody waits for a mail that is on its way.
const patient = 6 * time.Second

// Told waits for a mail to a person that holds all the words, in its subject or
// its text. false: none came.
func (s *Scene) Told(ctx context.Context, p *Person, words ...string) (bool, error) {
	if err := s.Due(ctx); err != nil {
		return false, err
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patient)
	for {
		if slices.ContainsFunc(p.Inbox(), func(m Mail) bool { return m.holds(words) }) {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-end:
			return false, nil
		case <-tick.C:
		}
	}
}

func (m Mail) holds(words []string) bool {
	text := strings.Join(strings.Fields(m.Subject+" "+m.Text), " ")
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}
