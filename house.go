package bonded

import (
	"fmt"
	"iter"
	"slices"
)

// House is what the log says of the repository as a whole: where it is served,
// which keys its clients know, and which names exist. Like a Package it never
// changes; Apply makes a new one.
type House struct {
	Origin string // of the log
	URL    string // public URL, with trailing slash
	Keys   []RegistryKey
	Head   uint64 // index of the newest entry applied, plus one
	names  map[string][][]Name
}

// NameChunk is how many names make one part of a document that lists them all.
const NameChunk = 256

// Names returns the names claimed in an ecosystem, in the order they were
// claimed, in runs of at most NameChunk. The result must not be changed.
func (h *House) Names(ecosystem string) [][]Name { return h.names[ecosystem] }

// FoldHouse adds up a whole history. It is Apply over all of it, without a copy
// for each name, and leaves out what Apply cannot see: a second claim of a name.
func FoldHouse(entries iter.Seq2[uint64, Entry]) (*House, error) {
	h := &House{}
	all := map[string][]Name{}
	claimed := map[string]bool{}
	for i, e := range entries {
		if e.Type == Claim {
			if name := e.Name.String(); !claimed[name] {
				claimed[name] = true
				all[e.Name.Ecosystem] = append(all[e.Name.Ecosystem], e.Name)
				h.Head = i + 1
			}
			continue
		}
		next, err := h.Apply(i, e)
		if err != nil {
			return nil, err
		}
		h = next
	}
	h.names = map[string][][]Name{}
	for eco, names := range all {
		h.names[eco] = slices.Collect(slices.Chunk(names, NameChunk))
	}
	return h, nil
}

// Apply adds the fact at log index i.
func (h *House) Apply(i uint64, e Entry) (*House, error) {
	n := *h
	switch e.Type {
	case Genesis:
		if i != 0 {
			return nil, fmt.Errorf("fold: genesis at index %d", i)
		}
		n.Origin = e.Origin
	case Site:
		n.URL = e.URL
	case Key:
		n.Keys = append(slices.Clip(n.Keys), e.Key)
	case Claim:
		n.addName(e.Name)
	default:
		return h, nil
	}
	n.Head = i + 1
	return &n, nil
}

// addName copies the map and the last run: an older House keeps its view. A
// name that was already claimed is the caller's to keep out, as the fold of
// its package does.
func (h *House) addName(name Name) {
	names := make(map[string][][]Name, len(h.names)+1)
	for k, v := range h.names {
		names[k] = v
	}
	runs := slices.Clone(names[name.Ecosystem])
	last := len(runs) - 1
	if last < 0 || len(runs[last]) == NameChunk {
		runs = append(runs, []Name{name})
	} else {
		runs[last] = append(slices.Clip(runs[last]), name)
	}
	names[name.Ecosystem] = runs
	h.names = names
}
