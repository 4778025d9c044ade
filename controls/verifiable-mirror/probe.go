// Package verifiablemirror looks whether a copy of the repository could be
// checked by whoever reads it.
package verifiablemirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"bonded.dev/prove/audit"
)

// Probe holds fetched files against what a proven entry of the log says of
// them: what can be done with the original can be done with any copy.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	l, err := v.Log(ctx)
	switch {
	case errors.Is(err, audit.ErrLog):
		return audit.Say(audit.NotHeld, "the log contradicts itself, so no copy could be held against it: "+err.Error())
	case err != nil:
		return audit.Finding{}, err
	case l == nil && v.Kind() == "go":
		return audit.Say(audit.Unknown, "clients check what a proxy serves by a checksum database, which is somebody else's")
	case l == nil || !l.Signed:
		return audit.Say(audit.NotHeld, "there is no signed log against which a copy could be held",
			audit.Evidence{URL: v.Site.Base + audit.LogPlaces()[0], Saw: "no signed checkpoint"})
	}
	samples, err := v.Samples(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	seen := []audit.Evidence{{URL: l.URL, Saw: fmt.Sprintf("a log of %d entries, which anybody can read whole", l.Size)}}
	for _, s := range samples {
		want, e, err := l.Recorded(ctx, s.Package, s.Release, s.File)
		if e.Saw != "" {
			seen = append(seen, e)
		}
		got := sha256.Sum256(s.Answer.Body)
		switch {
		case errors.Is(err, audit.ErrNoProof):
			return audit.Say(audit.Unknown, "there is a signed log; how a copy of a file is held against it cannot be told", seen...)
		case errors.Is(err, audit.ErrLog):
			return audit.Say(audit.NotHeld, "the log does not account for what is served: "+err.Error(), seen...)
		case err != nil:
			return audit.Finding{}, err
		case hex.EncodeToString(got[:]) != want:
			return audit.Say(audit.NotHeld, s.File.Name+" is not the file that the log states", seen...)
		}
		seen = append(seen, audit.Evidence{URL: s.File.URL, Saw: "has the SHA-256 that the log states"})
	}
	if len(samples) == 0 {
		return audit.Say(audit.Unknown, "there is a signed log, and no file that could be held against it", seen...)
	}
	return audit.Say(audit.Held, fmt.Sprintf(
		"the log can be read whole, and the bytes of %s agree with proven entries, so a copy anywhere can be checked; whether a client does is the client's", audit.Count(len(samples), "file")), seen...)
}
