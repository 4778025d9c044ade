package recompute

import (
	"errors"
	"fmt"

	"bonded.dev"
	"bonded.dev/internal/statemap"
)

// history is the log as it was read: folded, with the tree over it.
type history struct {
	origin   string
	size     uint64
	root     bonded.Digest
	house    *bonded.House
	packages map[string]*pack // by "ecosystem/name"
	docs     []bonded.Digest  // that entries about no package refer to
	m        *statemap.Map    // as of the last seal
	changed  []bonded.Record  // since then
	entries  tower            // over the entries as served
	leaves   tower            // over the tiles as served
	next     uint64           // index of the next entry to fold
	last     bonded.EntryType // of the entry before it
	seals    int              // that stated something else
}

// pack is a package with the documents that its entries refer to.
type pack struct {
	*bonded.Package
	docs []bonded.Digest // of messages, reasons, owners and policies: they may be deleted
}

func newHistory(origin string) *history {
	return &history{origin: origin, house: &bonded.House{}, packages: map[string]*pack{}, m: statemap.New()}
}

// errRules stops a reader that does not know the rules of a log.
var errRules = errors.New("made by rules that this program does not know")

// fold adds the next entry. The texts of its errors follow "entry 42: ".
func (h *history) fold(body []byte) error {
	i := h.next
	e, err := bonded.ParseEntry(body)
	if errors.Is(err, bonded.ErrIgnored) {
		h.next, h.last = i+1, "x-"
		return bonded.ErrIgnored
	}
	if err != nil {
		return err
	}
	if (i == 0) != (e.Type == bonded.Genesis) {
		return fmt.Errorf("is %q; a log starts with its genesis and has one", e.Type)
	}
	if e.Type == bonded.Genesis && e.Origin != h.origin {
		return fmt.Errorf("says that this is the log %q, the checkpoint is of %q", e.Origin, h.origin)
	}
	h.next, h.last = i+1, e.Type
	if e.Type == bonded.Seal {
		return h.seal(i, e)
	}
	first := true
	if e.Name.IsZero() && !e.Doc.IsZero() {
		h.docs = append(h.docs, e.Doc)
	}
	if !e.Name.IsZero() {
		if first, err = h.foldPackage(i, e); err != nil {
			return err
		}
	}
	// Of a name claimed twice the first claim counts; a house cannot see that.
	if e.Type != bonded.Claim || first {
		h.house, err = h.house.Apply(i, e)
	}
	return err
}

// foldPackage reports whether nobody had claimed the name before.
func (h *history) foldPackage(i uint64, e bonded.Entry) (first bool, err error) {
	name := e.Name.String()
	p := h.packages[name]
	if p == nil {
		p = &pack{Package: &bonded.Package{Name: e.Name}}
		h.packages[name] = p
	}
	first = p.ClaimIndex == 0
	if p.Package, err = p.Apply(i, e); err != nil {
		return first, err
	}
	if !e.Doc.IsZero() {
		p.docs = append(p.docs, e.Doc)
	}
	h.changed = append(h.changed, p.Records(e)...)
	return first, nil
}

// errSeal is a seal that states another map. Folding goes on.
type errSeal struct{ error }

func (h *history) seal(i uint64, e bonded.Entry) error {
	if e.Rules != bonded.RulesVersion {
		return fmt.Errorf("%w: %q", errRules, e.Rules)
	}
	h.m, h.changed = h.m.Set(h.changed), h.changed[:0]
	switch {
	case e.Leaves != i:
		return errSeal{fmt.Errorf("covers %d entries, there are %d before it", e.Leaves, i)}
	case e.Root != h.m.Root() || e.Bins != h.m.Bins():
		return errSeal{fmt.Errorf("states the map root %s in 2^%d bins, the entries give %s in 2^%d", e.Root, e.Bins, h.m.Root(), h.m.Bins())}
	}
	return nil
}

// knowsKey reports whether a registry key was in the log for an ecosystem.
func (h *history) knowsKey(ecosystem, id string) bool {
	for _, k := range h.house.Keys {
		if k.Ecosystem == ecosystem && k.ID == id {
			return true
		}
	}
	return false
}
