package domainhardening

import (
	"net/http"
	"testing"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	audittest.Look(t, Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Unknown, "same machine")
	for _, c := range []struct {
		base, hsts string
		want       audit.State
	}{
		{"http://registry.example/", "max-age=1000", audit.NotHeld},
		{"http://192.0.2.1/", "", audit.NotHeld},
		{"https://registry.example/", "", audit.NotHeld},
		{"https://registry.example/", "max-age=0", audit.NotHeld},
		{"https://registry.example/", "max-age=31536000; preload", audit.Unknown},
		{"https://localhost/", "", audit.Unknown},
	} {
		h := http.Header{}
		if c.hsts != "" {
			h.Set("Strict-Transport-Security", c.hsts)
		}
		f, err := judge(c.base, visit.Response{Header: h})
		if err != nil || f.State != c.want {
			t.Errorf("%s with %q: %s, %v; want %s", c.base, c.hsts, f.State, err, c.want)
		}
	}
}
