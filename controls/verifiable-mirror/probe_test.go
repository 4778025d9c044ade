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
