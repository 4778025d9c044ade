// Package artifactlog looks for a public log of every file, and checks it.
package artifactlog

import (
	"context"
	"errors"
	"fmt"

	"bonded.dev/prove/audit"
)

// Probe reads the checkpoint, follows the last entry to its root, and asks for
// the proof of a file of each package.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	l, err := v.Log(ctx)
	switch {
	case errors.Is(err, audit.ErrLog):
		return audit.Say(audit.NotHeld, "there is a log, and it contradicts itself: "+err.Error(), audit.Evidence{URL: l.URL, Saw: l.Origin})
	case err != nil:
		return audit.Finding{}, err
	case l == nil && v.Kind() == "go":
		return database(ctx, v)
	case l == nil:
		return audit.Say(audit.NotHeld, "no index comes with a proof, and no log stands at the usual places", nothing(v)...)
	}
	seen := []audit.Evidence{{URL: l.URL, Saw: fmt.Sprintf("a checkpoint of %s over %d entries", l.Origin, l.Size)}}
	if !l.Signed {
		return audit.Say(audit.NotHeld, "there is a log, and its checkpoint cannot be checked: no key is served beside it", seen...)
	}
	return recorded(ctx, v, l, seen)
}

// recorded asks for the file of each newest release.
func recorded(ctx context.Context, v *audit.Visit, l *audit.Log, seen []audit.Evidence) (audit.Finding, error) {
	proven := 0
	for _, p := range v.Packages {
		r := audit.Newest(p)
		if r == nil || len(r.Files) == 0 {
			continue
		}
		sum, e, err := l.Recorded(ctx, p, r, r.Files[0])
		if e.Saw != "" {
			seen = append(seen, e)
		}
		switch told := r.Files[0].Digests["sha256"]; {
		case errors.Is(err, audit.ErrNoProof):
			return audit.Say(audit.Unknown, "there is a signed log that holds together; how it speaks of files cannot be told, because it offers no proof of one", seen...)
		case errors.Is(err, audit.ErrLog):
			return audit.Say(audit.NotHeld, "there is a signed log, and it does not account for what the index lists: "+err.Error(), seen...)
		case err != nil:
			return audit.Finding{}, err
		case told != "" && told != sum:
			return audit.Say(audit.NotHeld, "log and index state different digests of "+r.Files[0].Name, seen...)
		}
		proven++
	}
	if proven == 0 {
		return audit.Say(audit.Unknown, "there is a signed log that holds together, and no package whose files could be looked up in it", seen...)
	}
	return audit.Say(audit.Held, fmt.Sprintf(
		"a signed log holds together from the last entry to its root, and proves the file of each of %s", audit.Count(proven, "newest release")), seen...)
}

// database asks what stands for a log here: the one that the go command asks.
func database(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	var seen []audit.Evidence
	proven := 0
	for _, p := range v.Packages {
		r := audit.Newest(p)
		if r == nil {
			continue
		}
		_, e, err := v.Checksum(ctx, p.Name, r.Version)
		if e.Saw != "" {
			seen = append(seen, e)
		}
		switch {
		case errors.Is(err, audit.ErrNoProof):
			return audit.Say(audit.Unknown, "clients of this kind ask a checksum database, which is somebody else's (name it with --sumdb); the proxy has no log of its own", seen...)
		case errors.Is(err, audit.ErrLog):
			return audit.Say(audit.NotHeld, "the checksum database, as the proxy passes it on, does not prove what the proxy lists: "+err.Error(), seen...)
		case err != nil:
			return audit.Finding{}, err
		}
		proven++
	}
	if proven == 0 {
		return audit.Say(audit.Unknown, "clients of this kind ask a checksum database, and there is no module that could be looked up in it")
	}
	return audit.Say(audit.Held, fmt.Sprintf("the checksum database that clients ask proves each of %s", audit.Count(proven, "newest release")), seen...)
}

func nothing(v *audit.Visit) (seen []audit.Evidence) {
	for _, place := range audit.LogPlaces() {
		seen = append(seen, audit.Evidence{URL: v.Site.Base + place, Saw: "no checkpoint"})
	}
	return seen
}
