package drill

import "sync"

// Origin is an upstream in the attacker's hands: a folder of answers.
type Origin struct {
	URL string

	mu    sync.Mutex
	files map[string][]byte
	asked []string
}

// Put makes the origin answer a path, without leading slash, with a body; nil
// takes it away.
func (o *Origin) Put(path string, body []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.files == nil {
		o.files = map[string][]byte{}
	}
	if body == nil {
		delete(o.files, path)
		return
	}
	o.files[path] = body
}

// Answer is what the origin says to a path; it remembers that it was asked.
func (o *Origin) Answer(path string) ([]byte, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, path)
	b, ok := o.files[path]
	return b, ok
}

// Asked lists the paths that it was asked for.
func (o *Origin) Asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.asked...)
}
