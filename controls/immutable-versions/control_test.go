package immutableversions_test

import (
	"strings"
	"testing"
	"time"

	"bonded.dev"
	immutableversions "bonded.dev/controls/immutable-versions"
	"bonded.dev/registry/screen"
)

var pad = bonded.Name{Ecosystem: "x", Key: "pad", Display: "pad"}

func file(version, name, bytes string) bonded.Entry {
	return bonded.Entry{Type: bonded.Publish, Name: pad, Version: version, File: name, Digest: bonded.DigestOf([]byte(bytes))}
}

func remove(version, name string) bonded.Entry {
	return bonded.Entry{Type: bonded.Remove, Name: pad, Version: version, File: name}
}

// past has 1.0 of two files, 2.0 deleted as a whole, 3.0 of which one of two
// files was deleted, and 4.0 yanked.
func past(t *testing.T) *bonded.Package {
	t.Helper()
	p := &bonded.Package{Name: pad}
	for i, e := range []bonded.Entry{
		{Type: bonded.Claim, Name: pad},
		file("1.0", "pad-1.0.a", "one"), file("1.0", "pad-1.0.b", "two"),
		file("2.0", "pad-2.0.a", "three"), remove("2.0", "pad-2.0.a"),
		file("3.0", "pad-3.0.a", "four"), file("3.0", "pad-3.0.b", "five"), remove("3.0", "pad-3.0.a"),
		file("4.0", "pad-4.0.a", "six"), {Type: bonded.Yank, Name: pad, Version: "4.0"},
	} {
		var err error
		e.Time = time.Unix(1<<31, 0).UTC()
		if p, err = p.Apply(uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func TestNothingIsPublishedTwice(t *testing.T) {
	for _, try := range []struct {
		about string
		facts []bonded.Entry
		says  string // "": it is taken
	}{
		{"a new version", []bonded.Entry{file("5.0", "pad-5.0.a", "new")}, ""},
		{"one more file of a version", []bonded.Entry{file("1.0", "pad-1.0.c", "new")}, ""},
		{"one more file of a yanked version", []bonded.Entry{file("4.0", "pad-4.0.b", "new")}, ""},
		{"one more file of a version that lost one", []bonded.Entry{file("3.0", "pad-3.0.c", "new")}, ""},
		{"other bytes", []bonded.Entry{file("1.0", "pad-1.0.a", "other")}, "pad 1.0 already exists and a version never changes; publish a new version"},
		{"the same bytes", []bonded.Entry{file("1.0", "pad-1.0.a", "one")}, "exactly these bytes; there is nothing to do"},
		{"a used file name under another version", []bonded.Entry{file("5.0", "pad-1.0.a", "one")}, "pad 1.0 already exists"},
		{"a deleted file", []bonded.Entry{file("3.0", "pad-3.0.a", "four")}, "deleted; its name stays used for ever"},
		{"a deleted version", []bonded.Entry{file("2.0", "pad-2.0.a", "three")}, "deleted; its name stays used for ever"},
		{"a deleted version under another file name", []bonded.Entry{file("2.0", "pad-2.0.b", "new")}, "a version is never used twice"},
		{"one file twice", []bonded.Entry{file("5.0", "pad-5.0.a", "x"), file("5.0", "pad-5.0.a", "y")}, "stands twice in one upload"},
		{"one of two files", []bonded.Entry{file("5.0", "pad-5.0.a", "x"), file("1.0", "pad-1.0.a", "y")}, "already exists"},
		{"what publishes nothing", []bonded.Entry{{Type: bonded.SetTag, Tag: "latest", Version: "1.0"}, remove("1.0", "pad-1.0.a")}, ""},
	} {
		found, err := immutableversions.Check.Judge(screen.Case{Draft: &bonded.Draft{Name: pad, Facts: try.facts}, Past: past(t)})
		if err != nil || (len(found) > 0) != (try.says != "") {
			t.Errorf("%s: %v, %v", try.about, found, err)
		}
		for _, f := range found {
			if f.Verdict != bonded.Refuse || f.Kind != bonded.Conflict || !strings.Contains(f.Reason, try.says) {
				t.Errorf("%s: %+v, want a conflict that says %q", try.about, f, try.says)
			}
		}
	}
}

func TestANewNameHasNoPast(t *testing.T) {
	found, err := immutableversions.Check.Judge(screen.Case{Draft: &bonded.Draft{Name: pad, Facts: []bonded.Entry{file("1.0", "a", "x")}}, Past: &bonded.Package{Name: pad}})
	if err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}
