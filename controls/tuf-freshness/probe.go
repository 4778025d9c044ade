// Package tuffreshness looks for signed metadata that expires.
package tuffreshness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe reads timestamp and snapshot of the repository's TUF metadata under its
// own root. What a client remembers, it cannot see.
var Probe audit.Probe = probe

// longest is how far ahead what says what is newest may expire: as long a
// recording may be played.
const longest = 31 * 24 * time.Hour

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	t, looked, err := v.TUF(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	if t == nil {
		return audit.Say(audit.NotHeld, "nothing that is served expires or says which state it belongs to, so a recording of it stays valid", looked...)
	}
	why, err := wrong(ctx, v, t)
	if err != nil {
		return audit.Finding{}, err
	}
	if why != "" {
		return audit.Say(audit.NotHeld, why, audit.Evidence{URL: t.URL, Saw: "a TUF root"})
	}
	return audit.Say(audit.Held, "what says what is newest is signed and expires within a month, and it names one state of everything; "+
		"that a client remembers the highest state, it has to do itself",
		audit.Evidence{URL: visit.Resolve(t.URL, "timestamp.json"), Saw: "a signed timestamp that is fresh, and the snapshot that it names"})
}

// wrong says why the metadata does not keep a client fresh; "" when it does.
func wrong(ctx context.Context, v *audit.Visit, t *audit.TUF) (string, error) {
	body, err := t.Read(ctx, v, "timestamp.json")
	if errors.Is(err, visit.ErrEnough) {
		return "", err
	}
	if err != nil {
		return "there is a root, and no timestamp under it", nil
	}
	ts, err := metadata.Timestamp().FromBytes(body)
	switch {
	case err != nil, t.Root.VerifyDelegate(metadata.TIMESTAMP, ts) != nil:
		return "the timestamp is not signed as the root asks", nil
	case ts.Signed.IsExpired(v.Now):
		return "the timestamp has expired", nil
	case ts.Signed.Expires.After(v.Now.Add(longest)):
		return "the timestamp stays valid for more than a month, and as long does a recording of it", nil
	}
	meta := ts.Signed.Meta["snapshot.json"]
	if meta == nil {
		return "the timestamp names no snapshot", nil
	}
	body, err = t.Read(ctx, v, fmt.Sprintf("%d.snapshot.json", meta.Version))
	if err != nil && !errors.Is(err, visit.ErrEnough) {
		body, err = t.Read(ctx, v, "snapshot.json")
	}
	if errors.Is(err, visit.ErrEnough) {
		return "", err
	}
	if err != nil {
		return "the snapshot that the timestamp names is not there", nil
	}
	snapshot, err := metadata.Snapshot().FromBytes(body)
	switch {
	case err != nil, t.Root.VerifyDelegate(metadata.SNAPSHOT, snapshot) != nil:
		return "the snapshot is not signed as the root asks", nil
	case snapshot.Signed.Version != meta.Version:
		return "the snapshot is not the one that the timestamp names", nil
	case snapshot.Signed.IsExpired(v.Now):
		return "the snapshot has expired", nil
	}
	return "", nil
}
