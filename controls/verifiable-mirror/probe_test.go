package verifiablemirror_test

import (
	"crypto/sha256"
	"testing"

	verifiablemirror "bonded.dev/controls/verifiable-mirror"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	l := audittest.NewLog(t)
	l.Release("npm", "a", "1.0.0", "a-1.0.0.tgz", sha256.Sum256([]byte("bytes")))
	p := &visit.Package{Name: "a", Releases: []visit.Release{{Version: "1.0.0", Files: []visit.File{{Name: "a-1.0.0.tgz", URL: "a-1.0.0.tgz"}}}}}
	for _, c := range []struct {
		name  string
		pages audittest.Pages
		want  audit.State
	}{
		{"good", audittest.Pages{"/a-1.0.0.tgz": {Body: "bytes"}}, audit.Held},
		{"other bytes", audittest.Pages{"/a-1.0.0.tgz": {Body: "other"}}, audit.NotHeld},
		{"no file", nil, audit.Unknown},
		{"no proof", audittest.Pages{"/a-1.0.0.tgz": {Body: "bytes"}, "/log/prove": {Status: 404}}, audit.Unknown},
		{"no checkpoint", audittest.Pages{"/a-1.0.0.tgz": {Body: "bytes"}, "/log/checkpoint": {Status: 404}}, audit.NotHeld},
		{"no key", audittest.Pages{"/a-1.0.0.tgz": {Body: "bytes"}, "/log/key": {Status: 404}}, audit.NotHeld},
	} {
		t.Run(c.name, func(t *testing.T) {
			audittest.Look(t, verifiablemirror.Probe, audittest.Visit(t, "npm", l.With(c.pages), p), c.want)
		})
	}
}

func TestProbeDatabase(t *testing.T) {
	const path, version = "example.com/m", "v1.0.0"
	zip := audittest.ModuleZip(t, path, version, "package m")
	db := audittest.NewSumDB(t, map[string][]byte{path + "@" + version: zip})
	p := &visit.Package{Name: path, Releases: []visit.Release{{Version: version, Files: []visit.File{{Name: "m.zip", URL: "m.zip"}}}}}
	for body, want := range map[string]audit.State{
		string(zip): audit.Held,
		string(audittest.ModuleZip(t, path, version, "package other")): audit.NotHeld,
		"no zip": audit.NotHeld,
	} {
		v := audittest.Visit(t, "go", db.Behind(audittest.Pages{"/m.zip": {Body: body}}), p)
		v.SumDB = db.Key
		audittest.Look(t, verifiablemirror.Probe, v, want)
	}
	v := audittest.Visit(t, "go", audittest.Pages{"/m.zip": {Body: string(zip)}}, p)
	audittest.Look(t, verifiablemirror.Probe, v, audit.Unknown)
	v.SumDB = db.Key
	audittest.Look(t, verifiablemirror.Probe, v, audit.Unknown)
}
