// Package trustedtimestamps looks for times that the repository could not have
// made up.
package trustedtimestamps

import (
	"context"
	"errors"

	"bonded.dev/prove/audit"
)

// Probe looks whether somebody else says when the log had which size. Without
// that every age rests on the repository's word.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	l, err := v.Log(ctx)
	if err != nil && !errors.Is(err, audit.ErrLog) {
		return audit.Finding{}, err
	}
	if v.Kind() == "go" && l == nil {
		return audit.Say(audit.Unknown, "clients of this kind ask a checksum database, which is somebody else's")
	}
	if l == nil || err != nil {
		return audit.Say(audit.NotHeld, "no log says when a file was first there: every time in the index is the repository's own word",
			audit.Evidence{URL: v.Site.Base + audit.LogPlaces()[0], Saw: "no checkpoint that holds together"})
	}
	timed := 0
	for _, o := range l.Others {
		if o.Timed {
			timed++
		}
	}
	if timed == 0 {
		return audit.Say(audit.NotHeld, "nobody outside says when the log had which size, so every time is the repository's own word",
			audit.Evidence{URL: l.URL, Saw: "no signature that carries a time"})
	}
	return audit.Say(audit.Unknown, "somebody else signs the log with the time; whether ages are counted by it shows only in a client",
		audit.Evidence{URL: l.URL, Saw: "signatures that carry a time"})
}
