package outputsanitising

import (
	"context"
	"fmt"
	"unicode"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe looks for characters that steer a terminal in what the index tells.
// That there are none may be the publishers' merit, so that this is never seen
// to be held.
var Probe audit.Probe = probe

func probe(_ context.Context, v *audit.Visit) (audit.Finding, error) {
	if len(v.Packages) == 0 {
		return audit.NoPackage()
	}
	texts := 0
	for _, p := range v.Packages {
		for place, text := range textsOf(p) {
			texts++
			for _, c := range text {
				if steers(c) {
					return audit.Say(audit.NotHeld, "the index passes on text that steers the terminal of whoever prints it",
						audit.Evidence{URL: p.Index.URL, Saw: fmt.Sprintf("%U in the %s", c, place)})
				}
			}
		}
	}
	return audit.Say(audit.Unknown, "nothing in "+audit.Count(texts, "text")+" of the index steers a terminal; whether such text would be refused shows only an upload")
}

// textsOf is what clients print of a package, by place.
func textsOf(p *visit.Package) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, r := range p.Releases {
			if !yield("version", r.Version) || !yield("description of "+p.Name, r.Manifest.Description) {
				return
			}
		}
		for tag := range p.Tags {
			if !yield("tags of "+p.Name, tag) {
				return
			}
		}
	}
}

// steers reports control characters but the two that move on, and what turns
// the direction of reading around.
func steers(c rune) bool {
	return unicode.IsControl(c) && c != '\n' && c != '\t' || unicode.Is(unicode.Bidi_Control, c)
}
