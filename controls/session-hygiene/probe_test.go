package sessionhygiene_test

import (
	"testing"

	sessionhygiene "bonded.dev/controls/session-hygiene"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	cookie := func(c string) audittest.Page { return audittest.Page{Header: map[string]string{"Set-Cookie": c}} }
	whoami := func(cache string) audittest.Page {
		return audittest.Page{Body: `{"username":"a"}`, Header: map[string]string{"Cache-Control": cache}}
	}
	look := func(front, who audittest.Page, as visit.Credential, want audit.State) {
		t.Helper()
		v := audittest.Visit(t, "npm", audittest.Pages{"/": front, "/-/whoami": who})
		v.Credential = as
		audittest.Look(t, sessionhygiene.Probe, v, want)
	}
	none := audittest.Page{}
	look(none, none, "", audit.Unknown)
	look(cookie("s=1; HttpOnly; SameSite=Lax"), none, "", audit.Unknown)
	look(cookie("s=1; SameSite=Lax"), none, "", audit.NotHeld)
	look(cookie("s=1; HttpOnly"), none, "", audit.NotHeld)
	look(none, whoami("no-store"), "t", audit.Unknown)
	look(none, whoami("public, max-age=60"), "t", audit.NotHeld)
	look(none, whoami("max-age=60"), "t", audit.Unknown)
}

// TestForeignForm: a form that another site sends is refused before anybody
// looks at what it says.
func TestForeignForm(t *testing.T) {
	for status, want := range map[int]audit.State{403: audit.Unknown, 401: audit.NotHeld, 303: audit.NotHeld} {
		pages := audittest.Pages{"POST /signin/password": {Status: status}}
		v := audittest.Visit(t, "npm", pages)
		pages["/.well-known/repository-security.json"] = audittest.Page{Body: `{"format":"repository-security/v1","accounts":{"signIn":"` + v.Site.Base + `signin"}}`}
		audittest.Look(t, sessionhygiene.Probe, v, want)
	}
}
