// Package witness looks for independent signatures under a log's checkpoint.
package witness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	f_note "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"bonded.dev/prove/audit"
)

// Probe counts the signatures of witnesses whom the auditor knows. Those of
// others may be the repository's own under another name.
var Probe audit.Probe = probe

// enough is how many witnesses it takes: a single one can be taken over, or be
// down.
const enough = 2

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	l, err := v.Log(ctx)
	switch {
	case errors.Is(err, audit.ErrLog):
		return audit.Say(audit.NotHeld, "the log contradicts itself, so nothing under it counts: "+err.Error())
	case err != nil:
		return audit.Finding{}, err
	case l == nil && v.Kind() == "go":
		return audit.Say(audit.Unknown, "clients of this kind ask a checksum database, which is somebody else's")
	case l == nil:
		return audit.Say(audit.NotHeld, "there is no log that anybody could witness", audit.Evidence{URL: v.Site.Base + audit.LogPlaces()[0], Saw: "no checkpoint"})
	case len(l.Others) == 0:
		return audit.Say(audit.NotHeld, "nobody but the repository signed its checkpoint", audit.Evidence{URL: l.URL, Saw: "one signature, of " + l.Origin})
	}
	var names []string
	for _, o := range l.Others {
		names = append(names, o.Name)
	}
	slices.Sort(names)
	saw := audit.Evidence{URL: l.URL, Saw: "further signatures under the names " + strings.Join(names, ", ")}
	known, err := verified(l, v.Witnesses)
	switch {
	case err != nil:
		return audit.Finding{}, err
	case len(known) >= enough:
		return audit.Say(audit.Held, fmt.Sprintf("%d witnesses whom the auditor knows signed the checkpoint", len(known)), saw,
			audit.Evidence{URL: l.URL, Saw: "good signatures of " + strings.Join(known, ", ")})
	}
	return audit.Say(audit.Unknown, fmt.Sprintf(
		"others signed the checkpoint too, %d of them known to the auditor; whether they are independent cannot be seen, only known (--witness)", len(known)), saw)
}

// verified are the names of known witnesses whose signatures are good.
func verified(l *audit.Log, keys []string) (names []string, err error) {
	for _, key := range keys {
		verifier, err := f_note.NewVerifierForCosignatureV1(key)
		if err != nil {
			return nil, fmt.Errorf("reading the key of a witness: %w", err)
		}
		n, err := note.Open(l.Note, note.VerifierList(verifier))
		if err == nil && len(n.Sigs) > 0 && !slices.Contains(names, verifier.Name()) {
			names = append(names, verifier.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
