package tufroot_test

import (
	"testing"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	tufroot "bonded.dev/controls/tuf-root"
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
			audittest.Look(t, tufroot.Probe, audittest.Visit(t, "npm", tuf.Pages("/trust/")), want)
		})
	}
	look("good", audit.Held, nil)
	look("one key is enough", audit.NotHeld, func(f *audittest.TUF) { f.Root.Signed.Roles[metadata.ROOT].Threshold = 1 })
	look("one key twice", audit.NotHeld, func(f *audittest.TUF) {
		ids := f.Root.Signed.Roles[metadata.ROOT].KeyIDs
		f.Root.Signed.Roles[metadata.ROOT].KeyIDs = []string{ids[0], ids[0]}
	})
	look("one signature", audit.NotHeld, func(f *audittest.TUF) { f.RootSigners = f.RootSigners[:1] })
	look("expired", audit.NotHeld, func(f *audittest.TUF) { f.Root.Signed.Expires = audittest.Now().Add(-time.Hour) })
	look("used daily", audit.NotHeld, func(f *audittest.TUF) {
		f.Root.Signed.Roles[metadata.TIMESTAMP].KeyIDs = f.Root.Signed.Roles[metadata.ROOT].KeyIDs
	})
	audittest.Look(t, tufroot.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.NotHeld)
	audittest.Look(t, tufroot.Probe, audittest.Visit(t, "npm", audittest.Pages{"/trust/root.json": {Body: "<html>welcome</html>"}}), audit.NotHeld)
}
