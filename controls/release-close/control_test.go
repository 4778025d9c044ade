package releaseclose_test

import (
	"strings"
	"testing"
	"time"

	"bonded.dev"
	releaseclose "bonded.dev/controls/release-close"
	"bonded.dev/registry/screen"
)

func TestAReleaseClosesAfterItsWindow(t *testing.T) {
	pad := bonded.Name{Ecosystem: "x", Key: "pad", Display: "pad"}
	file := func(version, name string) bonded.Entry {
		return bonded.Entry{Type: bonded.Publish, Name: pad, Version: version, File: name, Digest: bonded.DigestOf([]byte(name))}
	}
	first := time.Unix(1<<31, 0).UTC()
	past := &bonded.Package{Name: pad}
	for i, e := range []bonded.Entry{{Type: bonded.Claim, Name: pad}, file("1.0", "pad-1.0.a")} {
		var err error
		e.Time = first
		if past, err = past.Apply(uint64(i), e); err != nil {
			t.Fatal(err)
		}
	}
	for after, closed := range map[time.Duration]bool{0: false, 72 * time.Hour: false, 72*time.Hour + time.Second: true, 9000 * time.Hour: true} {
		found, err := releaseclose.Check.Judge(screen.Case{
			Draft: &bonded.Draft{Name: pad, Facts: []bonded.Entry{file("1.0", "pad-1.0.c"), file("2.0", "pad-2.0.a")}}, Past: past, Now: first.Add(after)})
		if err != nil || (len(found) == 1) != closed {
			t.Errorf("one more file after %s: %v, %v", after, found, err)
		}
		if closed && !strings.Contains(found[0].Reason, "takes no further files") {
			t.Errorf("after %s: %q", after, found[0].Reason)
		}
	}
}
