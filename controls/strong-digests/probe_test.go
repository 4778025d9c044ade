package strongdigests_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	strongdigests "bonded.dev/controls/strong-digests"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	sum := sha256.Sum256([]byte("bytes"))
	good := map[string]string{"sha256": hex.EncodeToString(sum[:])}
	weak := md5.Sum([]byte("bytes"))
	pages := audittest.Pages{"/a-1.tgz": {Body: "bytes"}}
	pkg := func(digests map[string]string) *visit.Package {
		return &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1", Files: []visit.File{{Name: "a-1.tgz", URL: "a-1.tgz", Digests: digests}}}}}
	}
	look := func(kind string, want audit.State, packages ...*visit.Package) {
		t.Helper()
		audittest.Look(t, strongdigests.Probe, audittest.Visit(t, kind, pages, packages...), want)
	}
	look("npm", audit.Held, pkg(good))
	look("npm", audit.NotHeld, pkg(good), pkg(map[string]string{"md5": hex.EncodeToString(weak[:])}))
	look("npm", audit.NotHeld, pkg(map[string]string{"sha256": "00" + good["sha256"][2:]}))
	look("npm", audit.NotHeld, pkg(nil))
	look("go", audit.Unknown, pkg(nil))
	look("npm", audit.Unknown)
}
