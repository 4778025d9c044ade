package tuffreshness_test

import (
	"testing"
	"time"

	tuffreshness "bonded.dev/controls/tuf-freshness"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	look := func(name string, want audit.State, change func(*audittest.TUF)) {
		t.Run(name, func(t *testing.T) {
			tuf := audittest.NewTUF(t)
			if change != nil {
				change(tuf)
			}
			audittest.Look(t, tuffreshness.Probe, audittest.Visit(t, "npm", tuf.Pages("/metadata/")), want)
		})
	}
	look("good", audit.Held, nil)
	look("expired", audit.NotHeld, func(f *audittest.TUF) { f.Timestamp.Signed.Expires = audittest.Now().Add(-time.Hour) })
	look("valid for long", audit.NotHeld, func(f *audittest.TUF) { f.Timestamp.Signed.Expires = audittest.Now().Add(365 * 24 * time.Hour) })
	look("another snapshot", audit.NotHeld, func(f *audittest.TUF) { f.Snapshot.Signed.Version = 7 })
	look("an old snapshot", audit.NotHeld, func(f *audittest.TUF) { f.Snapshot.Signed.Expires = audittest.Now().Add(-time.Hour) })
	look("signed by somebody", audit.NotHeld, func(f *audittest.TUF) { f.DailySigner = f.RootSigners[0] })
	pages := audittest.NewTUF(t).Pages("/metadata/")
	delete(pages, "/metadata/timestamp.json")
	audittest.Look(t, tuffreshness.Probe, audittest.Visit(t, "npm", pages), audit.NotHeld)
	audittest.Look(t, tuffreshness.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.NotHeld)
}
