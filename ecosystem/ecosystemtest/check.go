package ecosystemtest

import (
	"bytes"
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

const cryptoSHA256 = crypto.SHA256

func checkInfo(t *testing.T, eco ecosystem.Ecosystem) {
	i := eco.Info()
	if i.ID == "" || i.Clients == "" || i.MaxUpload <= 0 {
		t.Errorf("info leaves something out: %+v", i)
	}
	if !strings.HasPrefix(i.Prefix, "/") || !strings.HasSuffix(i.Prefix, "/") || len(i.Prefix) < 3 {
		t.Errorf("prefix %q is not of the form /x/", i.Prefix)
	}
	for _, root := range i.Roots {
		if strings.HasPrefix(root, "/") || !strings.HasSuffix(root, "/") || len(root) < 3 || strings.HasPrefix(root, "api/") {
			t.Errorf("root %q is not of the form x/, or is the house's own", root)
		}
	}
}

func checkNames(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	if len(s.Names) == 0 || len(s.Refused) == 0 {
		t.Fatal("the suite knows no names")
	}
	for raw, key := range s.Names {
		n, err := eco.Name(raw)
		if err != nil {
			t.Errorf("Name(%q): %v", raw, err)
			continue
		}
		if n.Key != key || n.Ecosystem != eco.Info().ID || n.Display == "" {
			t.Errorf("Name(%q) = %+v, want key %q", raw, n, key)
		}
		again, err := eco.Name(n.Key)
		if err != nil || again.Key != n.Key {
			t.Errorf("Name(%q) = %q, %v: the canonical form is not its own", n.Key, again.Key, err)
		}
		if d, err := eco.Name(n.Display); err != nil || d.Key != n.Key {
			t.Errorf("Name(%q) = %q, %v: the display form is another package", n.Display, d.Key, err)
		}
	}
	for _, raw := range s.Refused {
		n, err := eco.Name(raw)
		if kind, _, public := bonded.Explain(err); err == nil || kind != bonded.Invalid || public == "" {
			t.Errorf("Name(%q) = %q, %v, want an error of kind Invalid with a public text", raw, n.Key, err)
		}
	}
}

func checkOrder(t *testing.T, eco ecosystem.Ecosystem, rows [][]string) {
	if len(rows) < 2 {
		t.Fatal("the suite knows no order")
	}
	at := func(v string) int {
		return slices.IndexFunc(rows, func(row []string) bool { return slices.Contains(row, v) })
	}
	all := slices.Concat(rows...)
	for _, a := range all {
		for _, b := range all {
			if got, want := sign(eco.Compare(a, b)), sign(at(a)-at(b)); got != want {
				t.Errorf("Compare(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
		if eco.Compare("\x00 no version", a) >= 0 {
			t.Errorf("what cannot be read does not sort before %q", a)
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

// checkHonest holds a draft of an honest upload to what the desk does with it.
func checkHonest(t *testing.T, d *Desk, a ecosystem.Ask, draft bonded.Draft) {
	t.Helper()
	for _, an := range draft.Anomalies {
		t.Errorf("an honest upload drafts the anomaly %+v", an)
	}
	docs := map[bonded.Digest]bool{}
	for _, doc := range draft.Docs {
		docs[bonded.DigestOf(doc)] = true
	}
	for i := range draft.Facts {
		e := &draft.Facts[i]
		if !e.Name.Same(draft.Name) {
			t.Errorf("fact %d is about %s, the draft about %s", i, e.Name, draft.Name)
		}
		if !e.Time.IsZero() {
			t.Errorf("fact %d brings a time; that is the desk's", i)
		}
		for _, g := range []bonded.Digest{e.Meta, e.Doc} {
			if _, err := d.Doc(g); !g.IsZero() && !docs[g] && err != nil {
				t.Errorf("fact %d refers to document %s that nobody has", i, g.Hex())
			}
		}
		if e.Type == bonded.Publish {
			checkPublished(t, d, draft, e)
		}
	}
	for _, s := range draft.Statements {
		if s.Fact < 0 || s.Fact >= len(draft.Facts) || draft.Facts[s.Fact].Type != bonded.Publish {
			t.Errorf("statement %q belongs to no file", s.Text)
		}
	}
	if a.Verb == ecosystem.Change && len(draft.Kept) > 0 {
		t.Error("a Change ask keeps bytes")
	}
}

// checkPublished holds one new file to its bytes and to its URL.
func checkPublished(t *testing.T, d *Desk, draft bonded.Draft, e *bonded.Entry) {
	t.Helper()
	at := slices.IndexFunc(draft.Kept, func(k bonded.Kept) bool { return k.Digest == e.Digest })
	if at < 0 || draft.Kept[at].Size != e.Size {
		t.Errorf("file %s: its bytes were not kept, or are not %d long", e.File, e.Size)
	}
	if e.Meta.IsZero() {
		t.Errorf("file %s has no metadata document", e.File)
	}
	path := d.Eco.ArtifactPath(e.Name, e.Version, e.File)
	a := checkFound(t, d.Eco, path, path, "")
	if !a.Artifact || !a.Name.Same(e.Name) || a.Version != e.Version {
		t.Errorf("GET %s asks for %+v, want the artifact of %s %s", path, a, e.Name, e.Version)
	}
}

// checkFound asks for a URL and wants the path it is stored under.
func checkFound(t *testing.T, eco ecosystem.Ecosystem, url, path, accept string) ecosystem.Ask {
	t.Helper()
	if err := checkKey(path); err != nil {
		t.Errorf("path %q: %v", path, err)
	}
	below, ok := strings.CutPrefix("/"+url, eco.Info().Prefix)
	if !ok {
		t.Errorf("URL %q is not below %s", url, eco.Info().Prefix)
	}
	r := Request{Method: "GET", URL: below, Header: map[string]string{}}
	if accept != "" {
		r.Header["Accept"] = accept
	}
	a, err := ask(eco, r)
	if err != nil || a.Verb != ecosystem.Fetch || a.Path != path {
		t.Errorf("GET %s (Accept %q) asks for %+v, %v, want path %q", url, accept, a, err, path)
	}
	r.Method = "HEAD"
	if h, err := ask(eco, r); err != nil || h.Path != path {
		t.Errorf("HEAD %s asks for %q, %v, want path %q", url, h.Path, err, path)
	}
	return a
}

// checkKey is the blob store's rule for keys.
func checkKey(k string) error {
	if k == "" || strings.HasPrefix(k, "/") || strings.ContainsRune(k, 0) || !utf8.ValidString(k) || strings.Contains(k, `\`) {
		return errors.New("not a key of the blob store")
	}
	for seg := range strings.SplitSeq(k, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return errors.New("not a key of the blob store")
		}
	}
	return nil
}

// checkCut sends every upload again, cut short, to an empty repository.
func checkCut(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	for _, r := range s.Uploads {
		d := NewDesk(t, eco)
		step := max(1, len(r.Body)/61)
		for n := 0; n < len(r.Body); n += step {
			if _, draft, err := d.DraftFrom(r, bytes.NewReader(r.Body[:n])); err == nil {
				t.Errorf("%s: the first %d of %d bytes draft %d facts", r.Case, n, len(r.Body), len(draft.Facts))
				break
			}
		}
	}
}

// checkStorageErrors wants a failing store to be the error the client hears.
func checkStorageErrors(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	for _, r := range s.Uploads {
		d := NewDesk(t, eco)
		d.Keep = func() error { return bonded.Errorf(bonded.Unavailable, "the store is away") }
		_, _, err := d.Draft(r)
		if kind, _, _ := bonded.Explain(err); err == nil || kind != bonded.Unavailable {
			t.Errorf("%s: the store fails, Draft says %v", r.Case, err)
		}
	}
}

func checkLies(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	seen := map[bonded.AnomalyKind]bool{}
	d := settled(t, eco, s)
	for _, l := range s.Lies {
		seen[l.Kind] = true
		t.Run(l.Case, func(t *testing.T) {
			_, draft, err := d.Draft(l.Request)
			if err != nil {
				t.Fatalf("Draft: %v; a control should have judged it", err)
			}
			if !slices.ContainsFunc(draft.Anomalies, func(a bonded.Anomaly) bool {
				return a.Kind == l.Kind && (l.Rule == "" || l.Rule == a.Rule) && a.Rule != "" && a.Where+a.Detail != ""
			}) {
				t.Errorf("anomalies %+v, want one of kind %s, rule %q", draft.Anomalies, l.Kind, l.Rule)
			}
		})
	}
	for _, k := range []bonded.AnomalyKind{bonded.Shape, bonded.Bound, bonded.Mismatch, bonded.Checksum, bonded.Unprintable} {
		if !seen[k] {
			t.Errorf("the suite has no upload with an anomaly of kind %s", k)
		}
	}
}

func checkBad(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	d := settled(t, eco, s)
	for _, b := range s.Bad {
		t.Run(b.Case, func(t *testing.T) {
			_, draft, err := d.Draft(b.Request)
			kind, _, public := bonded.Explain(err)
			if err == nil || kind != b.Kind || public == "" {
				t.Errorf("facts %+v, error %v (kind %d), want kind %d", draft.Facts, err, kind, b.Kind)
			}
		})
	}
}

// settled is a desk after the whole history of the suite.
func settled(t *testing.T, eco ecosystem.Ecosystem, s Suite) *Desk {
	t.Helper()
	d := NewDesk(t, eco)
	for _, r := range slices.Concat(s.Uploads, s.Changes) {
		_, draft, err := d.Draft(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Case, err)
		}
		d.Admit(t, draft)
	}
	for _, f := range s.Facts {
		d.Admit(t, f)
	}
	return d
}
