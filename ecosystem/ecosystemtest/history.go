package ecosystemtest

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// shelf is what a projection has written: documents by path.
type shelf map[string][]byte

// partStore remembers the bytes of every part that ever had a key.
type partStore map[[2]string][]byte

// checkHistory publishes and changes, and after each step holds the documents
// to what the house relies on.
func checkHistory(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	if len(s.Uploads) < 2 || len(s.Changes)+len(s.Facts) == 0 {
		t.Fatal("the suite has no history")
	}
	d := NewDesk(t, eco)
	parts := partStore{}
	var past []moment
	names := map[string]bonded.Name{}
	admit := func(draft bonded.Draft, step string) {
		d.Admit(t, draft)
		names[draft.Name.Key] = draft.Name
		now := d.full(t, parts, names)
		for _, m := range past {
			m.checkCatchUp(t, d, parts, names, now, step)
		}
		past = append(past, moment{d.Head(), now})
		if t.Failed() {
			t.Fatalf("after %q", step)
		}
	}
	for _, r := range slices.Concat(s.Uploads, s.Changes) {
		a, draft, err := d.Draft(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Case, err)
		}
		checkHonest(t, d, a, draft)
		admit(draft, r.Case)
	}
	for _, f := range s.Facts {
		admit(f, string(f.Facts[0].Type))
	}
	checkMoved(t, d, parts, names)
	checkNoDocs(t, d, names)
}

// moment is what stood on the shelf when the log had a length.
type moment struct {
	head uint64
	docs shelf
}

// checkCatchUp renders only what changed since the moment, and wants on the
// shelf what rendering everything puts there.
func (m moment) checkCatchUp(t *testing.T, d *Desk, parts partStore, names map[string]bonded.Name, want shelf, step string) {
	t.Helper()
	got := maps.Clone(m.docs)
	for _, n := range names {
		if d.Package(n).Head > m.head {
			got.put(t, d, parts, d.Package(n), m.head)
		}
	}
	got.putHouse(t, d, parts)
	for path, b := range want {
		if !bytes.Equal(got[path], b) {
			t.Errorf("%s: %s rendered since %d differs from rendered whole:\n%s\n%s", step, path, m.head, got[path], b)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s: %s rendered since %d stays, rendered whole it is not there", step, path, m.head)
		}
	}
}

// full renders everything from a state folded afresh, twice, and wants the
// same bytes as from the state that grew.
func (d *Desk) full(t *testing.T, parts partStore, names map[string]bonded.Name) shelf {
	t.Helper()
	grown, again := shelf{}, shelf{}
	for _, n := range names {
		grown.put(t, d, parts, d.Package(n), 0)
		again.put(t, d, parts, d.Refold(t, n), 0)
	}
	grown.putHouse(t, d, parts)
	again.putHouse(t, d, parts)
	if !maps.EqualFunc(grown, again, bytes.Equal) {
		t.Error("two states that are equal render to different bytes")
	}
	if len(grown) == 0 {
		t.Error("nothing is rendered")
	}
	return grown
}

func (s shelf) put(t *testing.T, d *Desk, parts partStore, p *bonded.Package, since uint64) {
	t.Helper()
	docs, err := d.Eco.Render(p, d.House, d, since)
	if err != nil {
		t.Fatalf("render %s since %d: %v", p.Name, since, err)
	}
	s.add(t, d, parts, docs)
}

func (s shelf) putHouse(t *testing.T, d *Desk, parts partStore) {
	t.Helper()
	docs, err := d.Eco.RenderHouse(d.House, d)
	if err != nil {
		t.Fatalf("render the house: %v", err)
	}
	s.add(t, d, parts, docs)
}

func (s shelf) add(t *testing.T, d *Desk, parts partStore, docs []ecosystem.Document) {
	t.Helper()
	seen := map[string]bool{}
	for i := range docs {
		doc := &docs[i]
		if seen[doc.Path] {
			t.Errorf("%s is rendered twice at once", doc.Path)
		}
		seen[doc.Path] = true
		if a := checkFound(t, d.Eco, doc.URL, doc.Path, doc.Accept); a.Type != "" && a.Type != doc.Type {
			t.Errorf("%s is rendered as %q and asked for as %q", doc.Path, doc.Type, a.Type)
		}
		if doc.Gone {
			delete(s, doc.Path)
			continue
		}
		if doc.Type == "" {
			t.Errorf("%s has no media type", doc.Path)
		}
		s[doc.Path] = parts.join(t, doc)
	}
}

// join makes a document's bytes, each part twice, and holds keys to bytes.
func (ps partStore) join(t *testing.T, doc *ecosystem.Document) []byte {
	t.Helper()
	var out []byte
	for i := range doc.Parts {
		p := &doc.Parts[i]
		b, err := p.Bytes()
		if err != nil {
			t.Fatalf("%s part %q: %v", doc.Path, p.Key, err)
		}
		out = append(out, b...)
		if again, err := p.Bytes(); err != nil || !bytes.Equal(b, again) {
			t.Errorf("%s part %q: made twice it differs (%v)", doc.Path, p.Key, err)
		}
		if p.Key == "" {
			continue
		}
		id := [2]string{doc.Path, p.Key}
		if old, ok := ps[id]; ok && !bytes.Equal(old, b) {
			t.Errorf("%s part %q means other bytes than before:\n%s\n%s", doc.Path, p.Key, old, b)
		}
		ps[id] = bytes.Clone(b)
	}
	return out
}

// checkMoved serves the repository from another URL: parts whose bytes change
// with it must change their key with it.
func checkMoved(t *testing.T, d *Desk, parts partStore, names map[string]bonded.Name) {
	t.Helper()
	d.append(t, bonded.Entry{Type: bonded.Site, URL: "https://moved.example/below/"})
	d.full(t, parts, names)
}

// checkNoDocs deletes every deletable document: the owners and the messages.
// The documents must still render; nothing else may be forgotten with them.
func checkNoDocs(t *testing.T, d *Desk, names map[string]bonded.Name) {
	t.Helper()
	for _, e := range d.log {
		if !e.Doc.IsZero() {
			d.Forget(e.Doc)
		}
	}
	s := shelf{}
	for _, n := range names {
		s.put(t, d, partStore{}, d.Package(n), 0)
	}
}
