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
		return database(ctx, v)
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

// database holds fetched modules against the checksum database that clients ask.
func database(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	samples, err := v.Samples(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	var seen []audit.Evidence
	for _, s := range samples {
		want, e, err := v.Checksum(ctx, s.Package.Name, s.Release.Version)
		if e.Saw != "" {
			seen = append(seen, e)
		}
		switch {
		case errors.Is(err, audit.ErrNoProof):
			return audit.Say(audit.Unknown, "clients check what a proxy serves by a checksum database, which is somebody else's (name it with --sumdb)", seen...)
		case errors.Is(err, audit.ErrLog):
			return audit.Say(audit.NotHeld, "the checksum database, as the proxy passes it on, does not account for what it serves: "+err.Error(), seen...)
		case err != nil:
			return audit.Finding{}, err
		case audit.ModuleSum(s.Answer.Body) != want:
			return audit.Say(audit.NotHeld, s.File.Name+" is not the module that the checksum database states", append(seen, audit.Evidence{URL: s.File.URL, Saw: "another digest"})...)
		}
		seen = append(seen, audit.Evidence{URL: s.File.URL, Saw: "has the digest that the checksum database states"})
	}
	if len(samples) == 0 {
		return audit.Say(audit.Unknown, "no module could be fetched and held against a checksum database")
	}
	return audit.Say(audit.Held, fmt.Sprintf("what clients check by the checksum database agrees with %s that the proxy serves, so it need not be trusted", audit.Count(len(samples), "module")), seen...)
}
