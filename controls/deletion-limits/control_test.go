package deletionlimits_test

import (
	"strings"
	"testing"
	"time"

	"bonded.dev"
	deletionlimits "bonded.dev/controls/deletion-limits"
	"bonded.dev/registry/screen"
)

var pad = bonded.Name{Ecosystem: "x", Key: "pad", Display: "pad"}

func TestDeletionLimits(t *testing.T) {
	published := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	past := &bonded.Package{Name: pad}
	for i, e := range []bonded.Entry{
		{Type: bonded.Claim, Name: pad, Time: published},
		{Type: bonded.Publish, Name: pad, Version: "1.0", File: "old", Time: published},
		{Type: bonded.Publish, Name: pad, Version: "1.0", File: "young", Time: published.Add(48 * time.Hour)},
	} {
		var err error
		if past, err = past.Apply(uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, try := range []struct {
		about string
		files []string
		age   time.Duration
		usage screen.Usage
		says  []string // none: it may be deleted
	}{
		{"young", []string{"old"}, time.Hour, screen.Usage{}, nil},
		{"at the limit", []string{"old"}, 72 * time.Hour, screen.Usage{Downloads: 100}, nil},
		{"too old", []string{"old"}, 72*time.Hour + 1, screen.Usage{}, []string{"pad 1.0 can no longer be deleted", "deprecate or yank it instead"}},
		{"two files, one too old", []string{"young", "old"}, 73 * time.Hour, screen.Usage{}, []string{"73 hours ago, and the limit is 72"}},
		{"the younger file", []string{"young"}, 73 * time.Hour, screen.Usage{}, nil},
		{"a clock that went back", []string{"old"}, -time.Hour, screen.Usage{}, nil},
		{"needed", []string{"old"}, time.Hour, screen.Usage{Dependants: 3}, []string{"3 package(s) here depend on it", "deprecate or yank it instead"}},
		{"downloaded", []string{"old"}, time.Hour, screen.Usage{Downloads: 101}, []string{"downloaded 101 times in the last 30 days, and the limit is 100"}},
		{"everything at once", []string{"old"}, 100 * time.Hour, screen.Usage{Downloads: 500, Dependants: 1}, []string{"100 hours ago", "depend on it", "500 times"}},
		{"what is not there", []string{"gone"}, time.Hour, screen.Usage{}, []string{"pad has no file gone"}},
		{"nothing", nil, 100 * time.Hour, screen.Usage{Downloads: 500, Dependants: 9}, nil},
	} {
		d := &bonded.Draft{Name: pad, Facts: []bonded.Entry{{Type: bonded.SetTag, Tag: "latest", Version: "1.0"}}}
		for _, f := range try.files {
			d.Facts = append(d.Facts, bonded.Entry{Type: bonded.Remove, Name: pad, Version: "1.0", File: f})
		}
		found, err := deletionlimits.Check.Judge(screen.Case{Draft: d, Past: past, Now: published.Add(try.age), Usage: try.usage})
		text := ""
		for _, f := range found {
			if f.Verdict != bonded.Refuse {
				t.Errorf("%s: %+v", try.about, f)
			}
			text += f.Reason + "\n"
		}
		if err != nil || (len(found) > 0) != (try.says != nil) {
			t.Errorf("%s: %v, %q", try.about, err, text)
		}
		for _, want := range try.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q, want %q in it", try.about, text, want)
			}
		}
	}
}
