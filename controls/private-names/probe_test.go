package privatenames_test

import (
	"net/http"
	"testing"

	privatenames "bonded.dev/controls/private-names"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	hides := func(answer func(w http.ResponseWriter)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/secret" && r.Header.Get("Authorization") == "Bearer t":
			case r.URL.Path == "/secret":
				answer(w)
			default:
				http.Error(w, "no package here", http.StatusNotFound)
			}
		})
	}
	look := func(as visit.Credential, missing string, h http.Handler, want audit.State, words ...string) {
		t.Helper()
		v := audittest.Visit(t, "npm", h)
		v.Credential, v.Missing = as, []string{missing}
		audittest.Look(t, privatenames.Probe, v, want, words...)
	}
	equal := hides(func(w http.ResponseWriter) { http.Error(w, "no package here", http.StatusNotFound) })
	look("t", "secret", equal, audit.Held)
	look("t", "secret", hides(func(w http.ResponseWriter) { http.Error(w, "no package here", http.StatusForbidden) }), audit.NotHeld, "status")
	look("t", "secret", hides(func(w http.ResponseWriter) { http.Error(w, "log in to see it", http.StatusNotFound) }), audit.NotHeld, "text")
	look("t", "secret", hides(func(w http.ResponseWriter) {
		w.Header().Set("Www-Authenticate", "Basic")
		http.Error(w, "no package here", http.StatusNotFound)
	}), audit.NotHeld, "headers")
	look("", "secret", equal, audit.Unknown)
	look("t", "other", equal, audit.Unknown, "none of the packages")
}
