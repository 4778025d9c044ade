package bonded_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bonded.dev"
	"bonded.dev/internal/statemap"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// history is a whole log as a list: position is log index.
type history []bonded.Entry

// The reference below answers every question by searching the whole history
// each time. It shares no code with Package.Apply and the texts of state.go,
// and is written from docs/formats/log.md.

// about lists the indexes of the entries of the given types that match.
func (h history) about(match func(bonded.Entry) bool, types ...bonded.EntryType) (at []int) {
	for i, e := range h {
		if match(e) && (len(types) == 0 || slices.Contains(types, e.Type)) {
			at = append(at, i)
		}
	}
	return at
}

// kept lists the entries that brought a file: the first for each file name.
func (h history) kept(n bonded.Name) (at []int) {
	used := map[string]bool{}
	for _, i := range h.about(isIt(n), bonded.Publish) {
		if !used[h[i].File] {
			used[h[i].File] = true
			at = append(at, i)
		}
	}
	return at
}

// versions lists the versions that have files, by first file.
func (h history) versions(n bonded.Name) (out []string) {
	for _, i := range h.kept(n) {
		if !slices.Contains(out, h[i].Version) {
			out = append(out, h[i].Version)
		}
	}
	return out
}

// last finds the newest entry of the given types about a version since it
// first had a file.
func (h history) last(n bonded.Name, version string, types ...bonded.EntryType) (bonded.Entry, bool) {
	born := -1
	for _, i := range h.kept(n) {
		if h[i].Version == version {
			born = i
			break
		}
	}
	at := h.about(func(e bonded.Entry) bool { return e.Name.Same(n) && e.Version == version }, types...)
	at = slices.DeleteFunc(at, func(i int) bool { return i < born })
	if len(at) == 0 {
		return bonded.Entry{}, false
	}
	return h[at[len(at)-1]], true
}

func (h history) versionLine(n bonded.Name, version string) string {
	s := "ver " + version
	if e, ok := h.last(n, version, bonded.Yank, bonded.Unyank); ok && e.Type == bonded.Yank {
		s += " yanked"
		if !e.Doc.IsZero() {
			s += "=" + e.Doc.String()
		}
	}
	if e, ok := h.last(n, version, bonded.Deprecate, bonded.Undeprecate); ok && e.Type == bonded.Deprecate {
		s += " deprecated=" + e.Doc.String()
	}
	return s + "\n"
}

func (h history) fileLine(n bonded.Name, i int) string {
	e := h[i]
	s := fmt.Sprintf("file %d %s %s %d %s", i, e.File, e.Digest, e.Size, e.Meta)
	gone := h.about(func(x bonded.Entry) bool { return x.Name.Same(n) && x.Version == e.Version && x.File == e.File }, bonded.Remove)
	if len(gone) > 0 && gone[len(gone)-1] > i {
		s += " removed"
	}
	return s + "\n"
}

func (h history) versionText(n bonded.Name, version string) string {
	s := h.versionLine(n, version)
	for _, i := range h.kept(n) {
		if h[i].Version == version {
			s += h.fileLine(n, i)
		}
	}
	return s
}

func (h history) state(n bonded.Name) string {
	all := h.about(isIt(n))
	s := fmt.Sprintf("bonded-state/v1\npkg %s\nnewest %d\n", n, all[len(all)-1])
	if at := h.about(isIt(n), bonded.Claim); len(at) > 0 {
		s += fmt.Sprintf("claim %d %s\n", at[0], h[at[0]].Name.Display)
	}
	if at := h.about(isIt(n), bonded.Owners); len(at) > 0 {
		i := at[len(at)-1]
		s += fmt.Sprintf("owners %d %d %s\n", i, h[i].Count, h[i].Doc)
	}
	if at := h.about(isIt(n), bonded.Status); len(at) > 0 {
		i := at[len(at)-1]
		s += fmt.Sprintf("status %d %s", i, h[i].Status)
		if !h[i].Doc.IsZero() {
			s += " " + h[i].Doc.String()
		}
		s += "\n"
	}
	tags := map[string]int{}
	for _, i := range h.about(isIt(n), bonded.SetTag, bonded.DropTag) {
		tags[h[i].Tag] = i
	}
	for _, tag := range sorted(tags) {
		if i := tags[tag]; h[i].Type == bonded.SetTag {
			s += fmt.Sprintf("tag %d %s %s\n", i, tag, h[i].Version)
		}
	}
	for run := range slices.Chunk(h.versions(n), 64) {
		text := ""
		for _, v := range run {
			text += h.versionText(n, v)
		}
		s += "chunk " + bonded.DigestOf([]byte(text)).String() + "\n"
	}
	return s
}

// records is the whole state map of a history, as the reference sees it.
func (h history) records() map[[16]byte]bonded.Digest {
	out := map[[16]byte]bonded.Digest{}
	put := func(name, text string) {
		sum := bonded.DigestOf([]byte(name))
		out[[16]byte(sum[:16])] = bonded.DigestOf([]byte(text))
	}
	for _, n := range h.names() {
		put("P "+n.String(), h.state(n))
		for _, i := range h.kept(n) {
			e := h[i]
			put("R "+n.String()+" "+e.Version+" "+e.File, h.versionLine(n, e.Version)+h.fileLine(n, i))
		}
	}
	return out
}

func (h history) names() (out []bonded.Name) {
	for _, e := range h {
		if !e.Name.IsZero() && !slices.ContainsFunc(out, e.Name.Same) {
			out = append(out, e.Name)
		}
	}
	return out
}

// anyHistory draws a log that starts with genesis. The words are few, so that
// entries meet each other: files published twice, under two versions, removed
// before and after they exist, tags to nowhere.
func anyHistory(t *rapid.T) history {
	h := history{{Type: bonded.Genesis, Time: when, Origin: "log.example"}}
	words := 3
	if rapid.Bool().Draw(t, "long") {
		words = bonded.ChunkSize + 6
		for i := range bonded.ChunkSize + 2 {
			h = append(h, bonded.Entry{Type: bonded.Publish, Time: when, Name: bonded.Name{Ecosystem: "one", Key: "p0", Display: "p0"},
				Version: fmt.Sprint("v", i), File: fmt.Sprint("f", i), Digest: dig("bytes"), Meta: dig("meta")})
		}
	}
	for range rapid.SampledFrom([]int{1, 5, 20, 60}).Draw(t, "length") {
		h = append(h, anyEntry(t, words))
	}
	return h
}

func anyEntry(t *rapid.T, words int) bonded.Entry {
	word := func(kind string, n int) string { return fmt.Sprint(kind, rapid.IntRange(0, n).Draw(t, kind)) }
	doc := func() bonded.Digest { return dig(word("doc", 2)) }
	types := []bonded.EntryType{bonded.Claim, bonded.Owners, bonded.SetTag, bonded.DropTag, bonded.Yank, bonded.Unyank,
		bonded.Deprecate, bonded.Undeprecate, bonded.Status, bonded.Remove, bonded.Site}
	for range 5 {
		types = append(types, bonded.Publish)
	}
	key := word("p", 1)
	e := bonded.Entry{Type: rapid.SampledFrom(types).Draw(t, "type"), Name: bonded.Name{Ecosystem: "one", Key: key, Display: key},
		Time: when.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "seconds")) * time.Second)}
	switch e.Type {
	case bonded.Site:
		e.Name, e.URL = bonded.Name{}, "https://packages.example/"
	case bonded.Claim:
		e.Name.Display = strings.ToUpper(key)
	case bonded.Owners:
		e.Doc, e.Count = doc(), rapid.IntRange(0, 3).Draw(t, "count")
	case bonded.SetTag:
		e.Tag, e.Version = word("tag", 3), word("v", words)
	case bonded.DropTag:
		e.Tag = word("tag", 3)
	case bonded.Yank:
		e.Version = word("v", words)
		if rapid.Bool().Draw(t, "reason") {
			e.Doc = doc()
		}
	case bonded.Deprecate:
		e.Version, e.Doc = word("v", words), doc()
	case bonded.Unyank, bonded.Undeprecate:
		e.Version = word("v", words)
	case bonded.Status:
		e.Status = rapid.SampledFrom([]string{"active", "archived", "deprecated", "quarantined"}).Draw(t, "status")
		if rapid.Bool().Draw(t, "reason") {
			e.Doc = doc()
		}
	case bonded.Publish:
		e.Version, e.File = word("v", words), word("f", words)
		e.Digest, e.Size, e.Meta = dig(word("bytes", 3)), rapid.Int64Range(0, 9).Draw(t, "size"), dig(word("meta", 3))
	case bonded.Remove:
		e.Version, e.File = word("v", words), word("f", words)
	}
	return e
}

// folded is the incremental view of a history: packages and state map, one
// entry after the other, as the desk builds them.
type folded struct {
	packages map[string]*bonded.Package
	m        *statemap.Map
}

func fold(t testing.TB, h history) folded {
	f := folded{map[string]*bonded.Package{}, statemap.New()}
	for i, e := range h {
		if e.Name.IsZero() {
			continue
		}
		p := f.packages[e.Name.String()]
		if p == nil {
			p = &bonded.Package{Name: e.Name}
		}
		next, err := p.Apply(uint64(i), e)
		if err != nil {
			t.Fatal(err)
		}
		f.packages[e.Name.String()] = next
		f.m = f.m.Set(next.Records(e))
	}
	return f
}

// TestFoldAgainstReference is the test that keeps two readers of one log from
// disagreeing: incremental fold, full fold and the slow reference see the same
// state texts and the same map root.
func TestFoldAgainstReference(t *testing.T) {
	long := 0
	rapid.Check(t, func(r *rapid.T) {
		h := anyHistory(r)
		f := fold(t, h)
		for _, p := range f.packages {
			if len(p.Chunks()) > 1 {
				long++
			}
		}
		var full []bonded.Record
		for _, n := range h.names() {
			p := f.packages[n.String()]
			if got, want := string(p.State()), h.state(n); got != want {
				r.Fatalf("state is\n%s\nwant\n%s", got, want)
			}
			again, err := bonded.Fold(n, func(yield func(uint64, bonded.Entry) bool) {
				for i, e := range h {
					if !yield(uint64(i), e) {
						return
					}
				}
			})
			if err != nil {
				r.Fatal(err)
			}
			full = append(full, again.AllRecords()...)
		}
		want := h.records()
		if f.m.Len() != len(want) {
			r.Fatalf("the map holds %d records, want %d", f.m.Len(), len(want))
		}
		for rec := range f.m.Records() {
			if want[rec.Key] != rec.Value {
				r.Fatalf("record %x is %s, want %s", rec.Key, rec.Value, want[rec.Key])
			}
		}
		if whole := statemap.New().Set(full); whole.Root() != f.m.Root() || whole.Bins() != f.m.Bins() {
			r.Fatalf("root %s in 2^%d bins entry by entry, %s in 2^%d at once", f.m.Root(), f.m.Bins(), whole.Root(), whole.Bins())
		}
	})
	if long == 0 {
		t.Error("no history had more than one chunk; draw longer ones")
	}
}

// TestPackagesDoNotChange holds every state ever returned against a later
// look, with two futures growing from each: Apply must share without touching.
func TestPackagesDoNotChange(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := anyHistory(r)
		type seen struct {
			p    *bonded.Package
			text string
		}
		var all []seen
		at := map[string]*bonded.Package{}
		for i, e := range h {
			if e.Name.IsZero() {
				continue
			}
			p := at[e.Name.String()]
			if p == nil {
				p = &bonded.Package{Name: e.Name}
			}
			other := anyEntry(r, 3)
			for other.Name.IsZero() {
				other = anyEntry(r, 3)
			}
			other.Name = e.Name
			for _, e := range []bonded.Entry{other, e} {
				next, err := p.Apply(uint64(i), e)
				if err != nil {
					r.Fatal(err)
				}
				all = append(all, seen{next, everything(next)})
				at[e.Name.String()] = next // in the end the entry of the history
			}
		}
		for _, s := range all {
			if got := everything(s.p); got != s.text {
				r.Fatalf("a package changed after it was returned\nwas %s\nis %s", s.text, got)
			}
		}
	})
}

// everything prints all that a package says, chunk digests computed again.
func everything(p *bonded.Package) string {
	s := string(p.State()) + fmt.Sprint(p.Name, p.Claimed, p.Modified, p.Head)
	for _, c := range p.Chunks() {
		s += "\n" + bonded.DigestOf(bonded.ChunkState(c.Releases)).Hex() + " " + c.Digest().Hex()
		for _, r := range c.Releases {
			s += fmt.Sprint(r.Time, r.Changed, len(r.Files))
			if found := p.Release(r.Version); found == nil || found.Version != r.Version {
				s += " lost"
			}
			for _, f := range r.Files {
				if _, found := p.File(f.Name); found == nil || found.Digest != f.Digest {
					s += " lost"
				}
			}
		}
	}
	return s
}

func TestApplyRefuses(t *testing.T) {
	p, err := (&bonded.Package{Name: left}).Apply(7, samples()["release"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Apply(7, samples()["yank"]); err == nil {
		t.Error("an entry was applied at an index that was passed")
	}
	if _, err := p.Apply(8, bonded.Entry{Type: "colour", Name: left}); err == nil {
		t.Error("an entry without a rule was applied")
	}
	if same, err := p.Apply(3, samples()["owners"]); err != nil || same != p {
		t.Errorf("an entry of another package changed something: %v", err)
	}
}

// TestFirstFileWins is immutability in one look: a file name once used never
// means other bytes, not after removal and not under another version.
func TestFirstFileWins(t *testing.T) {
	first := samples()["release"]
	second, third := first, first
	second.Digest = dig("other bytes")
	third.Version, third.Digest = "2.0.0", dig("other bytes")
	remove := samples()["remove"]
	p := &bonded.Package{Name: left}
	var err error
	for i, e := range []bonded.Entry{first, second, third, remove, second, third} {
		if p, err = p.Apply(uint64(i+1), e); err != nil {
			t.Fatal(err)
		}
	}
	r, f := p.File(first.File)
	if f == nil || f.Digest != first.Digest || !f.Removed || f.Index != 1 || r.Version != "1.0.0" {
		t.Errorf("the file is %+v", f)
	}
	if p.Release("2.0.0") != nil || p.Live() {
		t.Error("a release came of a file name that was used")
	}
}

func TestHouse(t *testing.T) {
	h := &bonded.House{}
	var views []*bonded.House
	var err error
	for i, e := range []bonded.Entry{samples()["genesis"], samples()["site"], samples()["key"], samples()["seal"]} {
		if h, err = h.Apply(uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	if h.Origin != "packages.example/bonded/1" || h.URL != "https://packages.example/" || len(h.Keys) != 1 || h.Head != 3 {
		t.Errorf("the house is %+v", h)
	}
	const many = 2*bonded.NameChunk + 10
	for i := range many {
		views = append(views, h)
		name := fmt.Sprintf("p%04d", i)
		if h, err = h.Apply(uint64(4+i), bonded.Entry{Type: bonded.Claim, Name: bonded.Name{Ecosystem: "one", Key: name, Display: name}}); err != nil {
			t.Fatal(err)
		}
		// A second future of the same past must not be seen by the first.
		if _, err := views[i].Apply(uint64(4+i), bonded.Entry{Type: bonded.Claim, Name: bonded.Name{Ecosystem: "one", Key: "other", Display: "other"}}); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range append(views, h) {
		n := 0
		for _, run := range v.Names("one") {
			for _, name := range run {
				if want := fmt.Sprintf("p%04d", n); name.Key != want {
					t.Fatalf("view %d: name %d is %s, want %s", i, n, name.Key, want)
				}
				n++
			}
		}
		if n != i {
			t.Fatalf("view %d has %d names", i, n)
		}
	}
	if _, err := h.Apply(9999, samples()["genesis"]); err == nil {
		t.Error("a second genesis was taken")
	}
}

func isIt(n bonded.Name) func(bonded.Entry) bool {
	return func(e bonded.Entry) bool { return e.Name.Same(n) }
}

// TestFoldHouse compares the fold at once with the fold step by step, where a
// name claimed twice is kept out by whoever knows its package.
func TestFoldHouse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := anyHistory(r)
		if rapid.Bool().Draw(r, "many names") {
			for i := range bonded.NameChunk + 3 {
				key := fmt.Sprint("n", i)
				h = append(h, bonded.Entry{Type: bonded.Claim, Time: when, Name: bonded.Name{Ecosystem: "two", Key: key, Display: key}})
			}
		}
		steps, claimed := &bonded.House{}, map[string]bool{}
		for i, e := range h {
			if e.Type == bonded.Claim && claimed[e.Name.String()] {
				continue
			}
			claimed[e.Name.String()] = e.Type == bonded.Claim || claimed[e.Name.String()]
			var err error
			if steps, err = steps.Apply(uint64(i), e); err != nil {
				r.Fatal(err)
			}
		}
		once, err := bonded.FoldHouse(func(yield func(uint64, bonded.Entry) bool) {
			for i, e := range h {
				if !yield(uint64(i), e) {
					return
				}
			}
		})
		if err != nil {
			r.Fatal(err)
		}
		if !reflect.DeepEqual(once.Names("one"), steps.Names("one")) || !reflect.DeepEqual(once.Names("two"), steps.Names("two")) ||
			once.Head != steps.Head || once.URL != steps.URL || once.Origin != steps.Origin {
			r.Fatalf("at once %+v, step by step %+v", once, steps)
		}
	})
}
