package guide_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"bonded.dev/guide"
)

const (
	goodThreat = `---
stage: consumer
controls: [lock]
open: nobody wrote it
maps: {list: [A-1]}
---

# A threat

It is told here.

## What the attacker wants
Something.

## How it goes
Somehow.

## What stops it
[A lock](control:lock).

## What does not stop it
Hope.

## The drill
Somebody tries.
`
	goodControl = `---
track: Client
level: 1
applies: [any repository]
adoption: few
checked: "2026-02-01"
effort: days
friction: low
privacy: none
here: open
why: nobody built it
unseen: it is inside
registries: {One: "yes, since 2020"}
---

# A lock

Nobody comes in.

## What it does
It locks.

## What it does not do
It does not open.

## On the bad day
One sees [the threat](threat:threat).

## What it costs
Little.

## How to build it elsewhere
With iron:

` + "```sh\n## this line is no heading\n```" + `

## How to tell
Push.
`
	goodIncident = `---
date: '2026-01-02'
ecosystem: npm
kind: attack
exposure: {hours: 3}
threats: [threat]
controls: [lock]
basis: seen
checked: "2026-02-01"
sources: [a report]
---

# It happened

Somebody came in.

## What happened
That.

## What it cost
Much.

## What would have helped
[A lock](control:lock).
`
	goodChapter = `---
part: do
order: 1
checked: "2026-01-01"
---

# A chapter

It tells. See [the list](taxonomy:list) and [all threats](page:threats).
`
	goodTaxonomy = `name: A list
items:
  - {id: A-1, name: First}
  - {id: A-2, name: Second, why: not ours}
`
)

// open reads a small book in which one text was replaced by another.
func open(t *testing.T, code guide.Code, old, new string) (*guide.Book, error) {
	t.Helper()
	found := old == ""
	file := func(src string) *fstest.MapFile {
		found = found || strings.Contains(src, old)
		if old != "" {
			src = strings.Replace(src, old, new, 1)
		}
		return &fstest.MapFile{Data: []byte(src)}
	}
	b, err := guide.Open(guide.Pages{
		Threats:    fstest.MapFS{"threat/threat.md": file(goodThreat)},
		Controls:   fstest.MapFS{"lock/control.md": file(goodControl)},
		Incidents:  fstest.MapFS{"it-happened.md": file(goodIncident)},
		Chapters:   fstest.MapFS{"chapter.md": file(goodChapter)},
		Taxonomies: fstest.MapFS{"list.yaml": file(goodTaxonomy)},
	}, code)
	if !found {
		t.Fatalf("no page holds %q", old)
	}
	return b, err
}

func TestBookIsLinked(t *testing.T) {
	b, err := open(t, guide.Code{Checks: []string{"lock"}, Drills: []string{"threat"}}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	threat, lock, incident := b.Threat("threat"), b.Control("lock"), b.Incident("it-happened")
	if !threat.Drilled || !lock.Judged || lock.Probed {
		t.Errorf("code is not bound: %v %v %v", threat.Drilled, lock.Judged, lock.Probed)
	}
	if len(threat.Stops) != 1 || threat.Stops[0] != lock || len(lock.Threats) != 1 || len(lock.Incidents) != 1 || threat.Incidents[0] != incident || incident.Help[0] != lock {
		t.Error("pages do not know each other")
	}
	if threat.Cover() != guide.Bare || guide.Recent(threat.Incidents) != 1 || incident.Year() != "2026" {
		t.Errorf("computed: %s, %d, %s", threat.Cover(), guide.Recent(threat.Incidents), incident.Year())
	}
	if got := lock.Section("How to build it elsewhere"); !strings.Contains(got, "## this line is no heading") {
		t.Errorf("a line of code was taken for a heading: %q", got)
	}
	if len(b.Stale(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))) != 0 || len(b.Stale(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))) != 3 {
		t.Error("facts are stale after half a year, not before")
	}
}

func TestCheckTakesAGoodBook(t *testing.T) {
	b, err := open(t, guide.Code{}, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if wrong := b.Check(); len(wrong) > 0 {
		t.Errorf("nothing is wrong: %v", wrong)
	}
	if holes := b.Holes(); len(holes) != 1 || holes[0].ID != "threat" {
		t.Errorf("holes: %v", holes)
	}
}

// TestCheckFindsWhatIsWrong breaks one thing at a time.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"controls: [lock]\nopen", "controls: []\nopen", "is stopped by nothing"},
		{"controls: [lock]\nopen", "controls: [lock, chain]\nopen", "unknown control chain"},
		{"stage: consumer", "stage: moon", "unknown stage"},
		{"{list: [A-1]}", "{list: [A-7]}", "not in that taxonomy"},
		{"open: nobody wrote it\n", "", "needs attacks, or a reason"},
		{"open: nobody wrote it", "open: a\nundrilled: b", "is played or waits to be"},
		{"## How it goes\nSomehow.\n", "", "sections are"},
		{"## The drill\nSomebody tries.", "## The drill\n", "nothing stands below"},
		{"(control:lock).\n\n## What does", "(control:key).\n\n## What does", "links to control:key"},
		{"track: Client", "track: Racing", "no place in the maturity model"},
		{"level: 1", "level: 5", "no place in the maturity model"},
		{"effort: days", "effort: ages", `effort is "ages"`},
		{`"yes, since 2020"`, `"perhaps"`, "does not begin with"},
		{"here: open", "here: held", "nothing judges and no room is named"},
		{"why: nobody built it\n", "", "does not say what is missing"},
		{"unseen: it is inside\n", "", "needs either a probe or a reason"},
		{"level: 1", "level: 1\nrequires: [lock]", "requires itself"},
		{"threats: [threat]\ncontrols", "threats: []\ncontrols", "maps to no threat"},
		{"date: '2026-01-02'", "date: 'lately'", "date"},
		{"kind: attack", "kind: party", `kind "party"`},
		{"basis: seen", "basis: hoped", "basis"},
		{"exposure: {hours: 3}", "exposure: {hours: 0}", "exposure of 0 hours"},
		{"sources: [a report]", "sources: []", "no source"},
		{"part: do", "part: dream", "unknown part"},
		{`checked: "2026-01-01"`, `checked: "soon"`, "when its facts were checked"},
		{"(taxonomy:list)", "(taxonomy:lost)", "links to taxonomy:lost"},
		{"(page:threats)", "(page:dreams)", "links to page:dreams"},
		{", why: not ours", "", "nothing is mapped to A-2"},
	} {
		b, err := open(t, guide.Code{}, c.old, c.new)
		if err != nil {
			t.Errorf("%q for %q: %v", c.new, c.old, err)
			continue
		}
		if !slices.ContainsFunc(b.Check(), func(e error) bool { return strings.Contains(e.Error(), c.want) }) {
			t.Errorf("%q for %q: want %q, have %v", c.new, c.old, c.want, b.Check())
		}
	}
}

func TestOpenRefusesWhatItCannotRead(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"stage: consumer", "stagee: consumer", "stagee"},
		{"# A threat\n", "A threat\n", "not followed by a title"},
		{"---\nstage", "stage", "no front matter"},
		{"level: 1", "level: high", "lock/control.md"},
	} {
		_, err := open(t, guide.Code{}, c.old, c.new)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v", c.new, c.old, err)
		}
	}
}

func TestTermsAreUnique(t *testing.T) {
	for _, list := range [][]guide.Term{guide.Stages(), guide.Tracks(), guide.Levels(), guide.Parts(), guide.Places()} {
		ids := map[string]bool{}
		for _, x := range list {
			if x.ID == "" || x.Name == "" || x.Means == "" {
				t.Errorf("%+v does not say what it is", x)
			}
			ids[x.ID] = true
		}
		if len(ids) != len(list) {
			t.Errorf("twice: %v", slices.Sorted(maps.Keys(ids)))
		}
	}
}
