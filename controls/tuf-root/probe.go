// Package tufroot looks for an offline root of trust.
package tufroot

import (
	"context"
	"fmt"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"bonded.dev/prove/audit"
)

// Probe reads the root of the repository's TUF metadata: how many people it
// takes, and whether the keys that are used every day can speak for it. Where
// its keys lie nobody can see.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	t, looked, err := v.TUF(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	if t == nil {
		return audit.Say(audit.NotHeld, "nothing that a client reads leads to a root above the repository's own keys, and none stands at the usual places", looked...)
	}
	root := t.Root.Signed
	role := root.Roles[metadata.ROOT]
	if role == nil {
		return audit.Say(audit.NotHeld, "the root names no keys of its own", audit.Evidence{URL: t.URL, Saw: "a root without the role root"})
	}
	keys := slices.Compact(slices.Sorted(slices.Values(role.KeyIDs)))
	seen := audit.Evidence{URL: t.URL, Saw: fmt.Sprintf("a root that %d of %d keys must sign", role.Threshold, len(keys))}
	daily := root.Roles[metadata.TIMESTAMP]
	switch {
	case role.Threshold < 2 || len(keys) < role.Threshold:
		return audit.Say(audit.NotHeld, "one key alone can speak for the root", seen)
	case t.Root.VerifyDelegate(metadata.ROOT, t.Root) != nil:
		return audit.Say(audit.NotHeld, "the root is not signed by as many of its keys as it asks for", seen)
	case root.IsExpired(v.Now):
		return audit.Say(audit.NotHeld, "the root has expired", seen)
	case daily != nil && slices.ContainsFunc(daily.KeyIDs, func(id string) bool { return slices.Contains(keys, id) }):
		return audit.Say(audit.NotHeld, "a key of the root signs every day, so it cannot be offline", seen)
	}
	return audit.Say(audit.Held, "a root stands above the daily keys, and it takes several of its own; whether they lie offline, and with whom, cannot be seen", seen)
}
