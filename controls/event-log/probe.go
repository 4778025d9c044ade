// Package eventlog looks for an ordered public feed of what happens to packages.
package eventlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bonded.dev/prove/audit"
)

// Probe reads the end of a public log, or asks for the feeds that some dialects
// are known to have.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	l, err := v.Log(ctx)
	switch {
	case errors.Is(err, audit.ErrLog):
		return audit.Say(audit.NotHeld, "there is a log, and it contradicts itself: "+err.Error())
	case err != nil:
		return audit.Finding{}, err
	case l == nil || !l.Signed:
		return feed(ctx, v)
	}
	kinds := map[string]bool{}
	for _, entry := range l.Tail {
		first, _, _ := strings.Cut(string(entry), "\n")
		if form, kind, ok := strings.Cut(first, " "); ok && strings.Contains(form, "/") {
			kinds[kind] = true
		}
	}
	seen := audit.Evidence{URL: l.URL, Saw: fmt.Sprintf("%d numbered entries; among the last ones: %s", l.Size, strings.Join(slices.Sorted(maps.Keys(kinds)), ", "))}
	if !kinds["release"] || !kinds["owners"] && !kinds["name"] && !kinds["tag"] {
		return audit.Say(audit.Unknown, "there is an ordered feed without gaps; that it holds more than releases cannot be seen at its end", seen)
	}
	return audit.Say(audit.Held, "every change is a numbered entry, in order and hashed, so that a reader goes on where it stopped and a gap shows; "+
		"whether acts of administrators are among them cannot be seen", seen)
}

// feed asks for what registries of a kind are known to have.
func feed(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	places := map[string]string{"npm": v.Site.Root + "_changes?limit=1", "pypi": v.Site.Base + "rss/updates.xml"}
	place, ok := places[v.Kind()]
	if !ok {
		return audit.Say(audit.Unknown, "no feed stands where bonded has one, and this kind of repository has no usual place for one")
	}
	r, err := v.Get(ctx, place, "")
	if err != nil {
		return audit.Finding{}, err
	}
	body := string(r.Body)
	if r.OK() && (strings.Contains(body, `"last_seq"`) || strings.Contains(body, "<rss")) {
		return audit.Say(audit.Unknown, "there is a feed of releases; whether owners, tags and states are in it cannot be seen",
			audit.Evidence{URL: place, Saw: "a feed"})
	}
	return audit.Say(audit.Unknown, "no feed stands at the places where one is usual", audit.Evidence{URL: place, Saw: fmt.Sprintf("%d, no feed", r.Status)})
}
