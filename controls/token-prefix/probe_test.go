package tokenprefix

import (
	"hash/crc32"
	"strings"
	"testing"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	const random = "0123456789abcdefghijABCDEFGHIJ"
	whole := "bnd_" + random
	for token, want := range map[string]audit.State{
		"": audit.Unknown,
		whole + base62(crc32.ChecksumIEEE([]byte(whole))):            audit.Held,
		"npm_" + random + base62(crc32.ChecksumIEEE([]byte(random))): audit.Held,
		whole + "000000":                       audit.NotHeld,
		random + random:                        audit.NotHeld,
		"alice:" + random:                      audit.NotHeld,
		"3c1c8d2e-9a55-4b7e-8a4a-1f2e3d4c5b6a": audit.NotHeld,
	} {
		v := audittest.Visit(t, "npm", audittest.Pages{})
		v.Credential = visit.Credential(token)
		f := audittest.Look(t, Probe, v, want)
		for _, e := range f.Evidence {
			if strings.Contains(e.Saw, random[:8]) {
				t.Errorf("repeats the secret: %q", e.Saw)
			}
		}
	}
}
