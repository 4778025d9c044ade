package pypi

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem/ecosystemtest"
	"bonded.dev/internal/archive"
)

func TestDraft(t *testing.T) {
	d := ecosystemtest.NewDesk(t, Ecosystem{})
	_, draft, err := d.Draft(honest(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	e := draft.Facts[0]
	if draft.Name != (bonded.Name{Ecosystem: id, Key: "acme-tools", Display: "Acme.Tools"}) || e.Version != "1" || e.File != "acme_tools-1.0-py3-none-any.whl" || len(draft.Facts) != 1 {
		t.Errorf("%+v", draft)
	}
	if want := []bonded.Name{project("requests"), project("zope-interface")}; !slices.Equal(draft.Requires, want) {
		t.Errorf("requires %v", draft.Requires)
	}
	if s := draft.Summary; s == nil || s.Version != "1.0" || s.Description != `Tools <of> "Acme" & sons` {
		t.Errorf("summary %+v", s)
	}
	if len(draft.Docs) != 2 || bonded.DigestOf(draft.Docs[0]) != e.Meta {
		t.Fatalf("%d documents", len(draft.Docs))
	}
	canonical := jsontext.Value(slices.Clone(draft.Docs[0]))
	if err := canonical.Canonicalize(); err != nil || string(canonical) != string(draft.Docs[0]) {
		t.Errorf("the metadata is not canonical (%v): %s", err, draft.Docs[0])
	}
	golden(t, "metadata.json", string(draft.Docs[0])+"\n")
}

func TestSummaryIsOfTheNewestRelease(t *testing.T) {
	d := ecosystemtest.NewDesk(t, Ecosystem{})
	for _, c := range []struct {
		version string
		newest  bool
	}{{"1.0", true}, {"2.0a1", false}, {"0.9", false}, {"1.1", true}, {"1.1.post1", true}, {"3.dev1", false}} {
		_, draft, err := d.Draft(wheel{name: "foo", version: c.version}.send(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		if (draft.Summary != nil) != c.newest {
			t.Errorf("%s: summary %+v", c.version, draft.Summary)
		}
		d.Admit(t, draft)
	}
	d.Admit(t, fact("foo", "", bonded.Entry{Type: bonded.Yank, Version: "1.1.post1"}))
	if _, draft, err := d.Draft(wheel{name: "foo", version: "1.1.1"}.send(t, "")); err != nil || draft.Summary == nil {
		t.Errorf("beside a yanked one: %+v, %v", draft.Summary, err)
	}
}

// TestOneVersionIsOneRelease publishes two spellings as if no control minded:
// they must be one release all the same.
func TestOneVersionIsOneRelease(t *testing.T) {
	d := ecosystemtest.NewDesk(t, Ecosystem{})
	for _, v := range []string{"1.0", "1.0.0", "1"} {
		_, draft, err := d.Draft(wheel{name: "foo", version: v}.send(t, ""))
		if err != nil {
			t.Fatal(err)
		}
		d.Admit(t, draft)
	}
	n := 0
	for range d.Package(project("foo")).Releases() {
		n++
	}
	if n != 1 {
		t.Errorf("%d releases", n)
	}
}

// TestBoundBeforeMetadata uploads a bomb that ends the reading before METADATA
// is reached: the draft must still say of what it is, and that it is one.
func TestBoundBeforeMetadata(t *testing.T) {
	w := wheel{name: "foo", version: "1.0", more: []member{{"zeros.bin", strings.Repeat("\x00", 40<<20)}}}
	_, draft, err := ecosystemtest.NewDesk(t, Ecosystem{}).Draft(w.send(t, ""))
	if err != nil || draft.Name.Key != "foo" || draft.Facts[0].Version != "1" || draft.Anomalies[0].Kind != bonded.Bound || len(draft.Docs) != 1 {
		t.Errorf("%+v, %v", draft, err)
	}
}

// TestAnomaliesAreFewAndPrintable floods every rule with hostile text.
func TestAnomaliesAreFewAndPrintable(t *testing.T) {
	w := wheel{name: "foo", version: "1.0"}
	for i := range 200 {
		name := "\u202e\x1b[31m" + strings.Repeat("x", i)
		w.hidden = append(w.hidden, member{name, ""})
		w.record = append(w.record, name+"y,sha256=\u202e,1")
	}
	_, draft, err := ecosystemtest.NewDesk(t, Ecosystem{}).Draft(w.send(t, ""))
	if err != nil || len(draft.Anomalies) == 0 || len(draft.Anomalies) > 40 {
		t.Fatalf("%d anomalies, %v", len(draft.Anomalies), err)
	}
	for _, a := range draft.Anomalies {
		if strings.ContainsFunc(a.Where+a.Detail, func(r rune) bool { return r < ' ' || r > '~' }) || len(a.Where+a.Detail) > 600 {
			t.Errorf("%+v", a)
		}
	}
}

func FuzzRecord(f *testing.F) {
	const path = "foo-1.0.dist-info/RECORD"
	for _, s := range []string{"a.py,sha256=AAAA,1\n", "a.py,,\na.py,sha256=x,1", "\"a,\nb\",,", "a\\b,sha256=,0\n" + path + ",,", "\ufeffa,,"} {
		f.Add([]byte(s))
	}
	entries := []archive.Entry{{Path: "a.py", Type: archive.File, Size: 1, SHA256: bonded.DigestOf([]byte("x"))}, {Path: path, Type: archive.File}, {Path: "d", Type: archive.Dir}}
	f.Fuzz(func(t *testing.T, text []byte) {
		var found findings
		checkRecord(text, path, entries, &found)
		// The file counts as listed only where its digest stands in the text.
		if len(found.list) == 0 && !strings.Contains(string(text), "sha256=LXEWQrcmsEQBYnyp-6wyRA-d-4Y1XrxHdzRjZPu9z0k") && !strings.Contains(string(text), `sha256="`) {
			t.Errorf("%q passes", text)
		}
	})
}

// FuzzForm fuzzes the form around a small upload.
func FuzzForm(f *testing.F) {
	r := wheel{name: "foo", version: "1.0"}.send(f, "")
	f.Add(r.Header["Content-Type"], r.Body)
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\":action\"\r\n\r\nfile_upload\r\n--x--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		d := ecosystemtest.NewDesk(t, Ecosystem{})
		r.Header, r.Body = map[string]string{"Content-Type": kind}, body
		_, draft, err := d.Draft(r)
		if err == nil && (len(draft.Facts) != 1 || len(draft.Kept) != 1) {
			t.Errorf("%+v", draft)
		}
		if kind, _, public := bonded.Explain(err); err != nil && (kind == bonded.Internal || public == "") {
			t.Errorf("%v is nothing a client can read", err)
		}
	})
}

// BenchmarkDraft drafts a wheel of 20 kB with 20 files, hashing included.
func BenchmarkDraft(b *testing.B) {
	w := wheel{name: "foo", version: "1.0", fields: "Requires-Python: >=3.8\nRequires-Dist: bar\n"}
	for i := range 20 {
		w.more = append(w.more, member{"foo/m" + string(rune('a'+i)) + ".py", randomText(800)})
	}
	r := w.send(b, "")
	d := ecosystemtest.NewDesk(b, Ecosystem{})
	b.SetBytes(int64(len(r.Body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.Draft(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRenderOneMore renders what one more release adds to a history of
// 1000: the keys of all parts, the bytes of the new ones.
func BenchmarkRenderOneMore(b *testing.B) {
	d := history(b, 1000)
	have := map[string]bool{}
	partsMade(b, d, have)
	release(b, d, 1000)
	p := d.Package(project("many"))
	b.ReportAllocs()
	for b.Loop() {
		docs, err := Ecosystem{}.Render(p, d.House, d, d.Head()-1)
		if err != nil {
			b.Fatal(err)
		}
		for _, doc := range docs {
			for _, part := range doc.Parts {
				if have[doc.Path+"\x00"+part.Key] {
					continue
				}
				if _, err := part.Bytes(); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}

// BenchmarkRenderAll renders a history of 1000 releases whole.
func BenchmarkRenderAll(b *testing.B) {
	d := history(b, 1000)
	p := d.Package(project("many"))
	b.ReportAllocs()
	for b.Loop() {
		docs, err := Ecosystem{}.Render(p, d.House, d, 0)
		if err != nil {
			b.Fatal(err)
		}
		for _, doc := range docs {
			join(b, doc)
		}
	}
}
