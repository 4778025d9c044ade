package artifactlog_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	artifactlog "bonded.dev/controls/artifact-log"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func pkg(version string, sum [32]byte) *visit.Package {
	return &visit.Package{Name: "a", Releases: []visit.Release{{Version: version, Files: []visit.File{{
		Name: "a-" + version + ".tgz", Digests: map[string]string{"sha256": hex.EncodeToString(sum[:])},
	}}}}}
}

func TestProbe(t *testing.T) {
	sum := sha256.Sum256([]byte("bytes"))
	l := audittest.NewLog(t)
	l.Add("bonded-log/v1 genesis\n")
	l.Release("npm", "a", "1.0.0", "a-1.0.0.tgz", sum)
	for range 300 { // more than one tile
		l.Add("bonded-log/v1 x-filler\n")
	}
	look := func(name, kind string, pages audittest.Pages, want audit.State, p ...*visit.Package) {
		t.Run(name, func(t *testing.T) {
			audittest.Look(t, artifactlog.Probe, audittest.Visit(t, kind, l.With(pages), p...), want)
		})
	}
	good := pkg("1.0.0", sum)
	look("good", "npm", nil, audit.Held, good)
	other := pkg("1.0.0", sum)
	other.Releases[0].Version = "1"
	look("another form of the version", "npm", nil, audit.Held, other)
	look("nothing to look up", "npm", nil, audit.Unknown)
	look("not logged", "npm", nil, audit.NotHeld, pkg("2.0.0", sum))
	look("another digest", "npm", nil, audit.NotHeld, pkg("1.0.0", [32]byte{1}))
	look("no key", "npm", audittest.Pages{"/log/key": {Status: 404}}, audit.NotHeld, good)
	look("another key", "npm", audittest.Pages{"/log/key": audittest.NewLog(t).Pages()["/log/key"]}, audit.NotHeld, good)
	look("no proofs", "npm", audittest.Pages{"/log/prove": {Status: 404}}, audit.Unknown, good)
	look("a tile is changed", "npm", audittest.Pages{"/log/tile/0/001.p/46": {Body: "x"}}, audit.NotHeld, good)
	look("an entry is changed", "npm", audittest.Pages{"/log/tile/entries/001.p/46": {Body: "\x00\x01x"}}, audit.NotHeld, good)
	for kind, want := range map[string]audit.State{"npm": audit.NotHeld, "go": audit.Unknown} {
		audittest.Look(t, artifactlog.Probe, audittest.Visit(t, kind, audittest.Pages{}, good), want)
	}
}

func TestProbeDatabase(t *testing.T) {
	const path, version = "example.com/m", "v1.0.0"
	zip := audittest.ModuleZip(t, path, version, "package m")
	db := audittest.NewSumDB(t, map[string][]byte{path + "@" + version: zip})
	look := func(version, key string, passedOn bool, want audit.State) {
		t.Helper()
		p := &visit.Package{Name: path, Releases: []visit.Release{{Version: version}}}
		var h http.Handler = audittest.Pages{}
		if passedOn {
			h = db.Behind(audittest.Pages{})
		}
		v := audittest.Visit(t, "go", h, p)
		v.SumDB = key
		audittest.Look(t, artifactlog.Probe, v, want)
	}
	look(version, db.Key, true, audit.Held)
	look(version, "", true, audit.Unknown)
	look(version, db.Key, false, audit.Unknown)
	look("v2.0.0", db.Key, true, audit.NotHeld)
	look(version, audittest.NewSumDB(t, nil).Key, true, audit.NotHeld) // the same name, another key
}
