package web

import (
	"flag"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/login"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/web/webtest"
)

// pagesTo is a folder for the pages of TestPagesAreWellMade, for people to open.
var pagesTo = flag.String("pages", "", "write example pages into this folder")

var noon = time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)

// samples show each page of this room's core in its states.
func samples() map[string]View {
	keys := []record.Passkey{
		{ID: []byte("first"), Label: "Laptop", Created: noon.AddDate(0, -3, 0), LastUsed: noon.Add(-time.Hour)},
		{ID: []byte("second"), Label: "Blue security key", Created: noon.AddDate(0, 0, -1), Counts: noon.AddDate(0, 0, 2)},
	}
	user := record.User{Name: "alice", Email: "alice@example.org", Created: noon.AddDate(-1, 0, 0), Verified: noon.AddDate(-1, 0, 0), Roles: []string{"moderator"}}
	fresh := record.User{Name: "alice", Email: "alice@example.org", Created: noon}
	waits := []record.Waiting{{ID: "w1", Kind: "passkey.remove", Account: "alice", Actor: "alice", Created: noon.Add(-time.Hour), Due: noon.Add(71 * time.Hour)}}
	full := signin.Factors{Passkeys: keys, Codes: 8, Email: true}
	weak := signin.Factors{TOTP: noon, Password: noon, Breached: noon, Codes: 2}
	scopes := []string{"publish,yank:npm/@acme/*"}
	live := []tokenRow{{Token: record.Token{ID: "RdjSdytkSs", Label: "release job", Scopes: scopes, Origin: "web", Uses: 3, Networks: []string{"192.0.2.0/24"},
		Created: noon.AddDate(0, 0, -2), Expires: noon.AddDate(0, 0, 5), LastUsed: noon.Truncate(time.Hour), LastFrom: "192.0.2.0/24"}}}
	ended := []tokenRow{{Token: record.Token{ID: "AbCdEfGhIj", Scopes: scopes, Origin: "admin", Uses: -1}, State: "expired on 1 April 2031, 12:00 UTC"}}
	sessions := []signin.Session{
		{ID: "s1", Label: "Firefox on Linux", This: true, Created: noon.Add(-time.Hour), Seen: noon, Factors: []string{"passkey"}},
		{ID: "s2", Label: "Safari on iOS", Created: noon.AddDate(0, 0, -3), Seen: noon.Add(-9 * time.Hour), Factors: []string{"password", "totp"}},
	}
	codes := []string{"abcd-efgh-jkmn-pqrs", "bcde-fghj-kmnp-qrst", "cdef-ghjk-mnpq-rstu", "defg-hjkm-npqr-stuv"}
	form := View{"Enough": true, "label": "", "pattern": "", "versions": "", "networks": "", "uses": "",
		"Ecosystems": []option{{"one", "npm, pnpm, yarn", "", true}, {"two", "pip, twine, uv", "", false}},
		"Actions":    []option{{Value: "publish", Text: "Publish new releases", Chosen: true}, {Value: "tag", Text: "Move tags", Help: "for example which release is “latest”"}},
		"Lives":      []option{{Value: "1", Text: "1 day"}, {Value: "7", Text: "7 days", Chosen: true}}}
	wrong := maps.Clone(form)
	wrong["Problem"] = "Choose at least one thing that the token may do."
	totp := totpView("otpauth://totp/bonded:alice?secret=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "", "bnc_x")
	standing := func(u record.User, f signin.Factors, w []record.Waiting, enrolling bool) View {
		needs := ""
		if enrolling {
			needs = "factors"
		}
		return View{"User": u, "Factors": f, "Waiting": w, "Step": nextStep(f, u, &signin.Session{Enrolling: enrolling}, true), "Mail": true, "Needs": needs, "Enrolling": enrolling, "Enough": f.Enough(), "Now": noon}
	}
	asks := login.Question{Program: "npm", Where: "Linux", Near: "other", State: login.Allowed}
	return map[string]View{
		"signin": {"Next": "/account", "User": "", "Open": true}, "signin/problem": {"Next": "/account", "User": "alice", "Open": false, "Problem": "The name or the password is wrong."},
		"signin-code": {"Next": "/account", "TOTP": true, "Recovery": true, "Key": true}, "signin-code/problem": {"Next": "/account", "TOTP": true, "Recovery": false, "Key": false, "Problem": "The code is wrong or was used before."},
		"signin-device": {"Next": "/account"}, "signin-link": {"Link": "bnc_x"},
		"signup": {"Open": true, "User": "", "Email": ""}, "signup/closed": {"Open": false}, "enrol": {"Link": "bne_x", "User": "bob"},
		"recover": {"User": ""}, "recover-link": {"Link": "bnc_x", "Days": 3, "Recovery": signin.Recovery{User: "alice"}, "Vouch": "", "Problem": "The recovery code is wrong."},
		"recover-link/owners": {"Link": "bnc_x", "Days": 3, "Recovery": signin.Recovery{User: "alice", Vouchers: []string{"bob"}}, "Vouch": "https://packages.example.org/recover/vouch/x"},
		"recover-link/waits":  {"Link": "bnc_x", "Days": 3, "Recovery": signin.Recovery{User: "alice", Due: noon}, "Vouch": ""},
		"recover-vouch":       {"ID": "x", "User": "alice"}, "email-link": {"Link": "bnc_x"}, "policy-recovery": {"Days": 3},
		"account": standing(user, full, nil, false), "account-security": standing(user, full, waits, false), "account-security/new": standing(fresh, signin.Factors{}, nil, true),
		"account-security/stolen": {"User": fresh, "Factors": weak, "Waiting": nil, "Step": nextStep(weak, fresh, &signin.Session{Enrolling: true, Needs: "password"}, true), "Mail": true, "Needs": "password", "Enrolling": true, "Enough": false, "Now": noon},
		"account-security/weak":   standing(fresh, weak, nil, false), "account-security/ready": standing(fresh, signin.Factors{Passkeys: keys[:1], Codes: 10}, nil, true),
		"account-confirm": {"Next": "/account", "Can": true}, "account-confirm/none": {"Next": "/account", "Can": false, "Since": time.Time{}}, "account-confirm/later": {"Next": "/account", "Can": false, "Since": noon},
		"account-confirm-code": {"Next": "/account/codes", "User": "alice", "Problem": "The code is wrong."},
		"account-sessions":     {"Sessions": sessions}, "account-passkey": {"Label": "Firefox on Linux"}, "account-remove-passkey": {"Passkey": keys[0], "Others": 1, "ID": "x"},
		"account-totp": {"TOTP": noon, "Password": noon}, "account-totp-code": totp, "account-codes": {"Left": 2}, "account-codes/made": {"Codes": codes, "User": "alice", "URL": "https://packages.example.org/"},
		"account-password": {"User": "alice", "Password": noon, "Removable": true}, "account-email": {"Email": "alice@example.org", "Verified": noon, "Frozen": time.Time{}, "Typed": "alice@", "Problem": "That is no address."},
		"account-tokens": {"Live": live, "Ended": ended}, "account-token": form, "account-token/problem": wrong, "account-token/weak": {"Enough": false},
		"account-proof": {"pattern": "left-pad", "Actions": form["Actions"], "Ecosystems": form["Ecosystems"], "Problem": "Choose what the code is for."}, "account-proof-made": {"Proof": "abcde-fghij", "Does": "Delete releases of", "Package": "npm/left-pad"},
		"device": {"Given": true}, "device/typed": {"Given": false, "Problem": "No program waits for this code."},
		"device-login":       {"Code": "BCDF-GHJK", "Ago": "a minute ago", "Waits": true, "Asks": asks, "Scopes": []askedScope{{[]option{actionOption("publish"), actionOption("delete")}, "npm/*"}, {[]option{actionOption("read")}, "*"}}, "Lives": form["Lives"]},
		"device-login/after": {"Code": "BCDF-GHJK", "Ago": "a minute ago", "Waits": false, "Asks": asks},
		"device-confirm":     {"ID": "x", "Ago": "a minute ago", "Waits": true, "Does": deed(bonded.ActDelete), "Asks": login.Question{Program: "npm", Near: "same", Action: bonded.ActDelete, Name: bonded.Name{Ecosystem: "npm", Key: "left-pad"}}},
		"account-token-made": {"Secret": "bnd_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE1", "Token": live[0].Token, "Clients": "npm, pnpm, yarn", "Commands": []string{"npm config set registry https://packages.example.org/npm/", "npm config set //packages.example.org/npm/:_authToken TOKEN"}},
		"message":            {"Title": "Confirm with your passkey", "Text": "This changes who may do what. Nothing was changed.", "Link": "/account/confirm", "LinkText": "Confirm with a passkey"},
	}
}

// TestPagesAreWellMade reads every example page as a browser and as somebody
// who cannot see it.
func TestPagesAreWellMade(t *testing.T) {
	p := gate(t)
	p.URL = "https://packages.example.org/"
	shown := map[string]bool{}
	for name, v := range samples() {
		page, _, _ := strings.Cut(name, "/")
		shown[page] = true
		path := "/signin"
		if strings.HasPrefix(page, "account") {
			path = "/" + strings.NewReplacer("account-token-made", "account/tokens/x", "account-tokens", "account/tokens", "account-token", "account/tokens", "-", "/").Replace(page)
		}
		out := show(p, path, page, v)
		for _, wrong := range webtest.Faults(out) {
			t.Errorf("%s: %s", name, wrong)
		}
		if *pagesTo != "" {
			file := filepath.Join(*pagesTo, strings.ReplaceAll(name, "/", "-")+".html")
			text := strings.ReplaceAll(out, `"/assets/web.css`, `"web.css`)
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if *pagesTo != "" {
		if err := os.WriteFile(filepath.Join(*pagesTo, "web.css"), p.layout.assets["web.css"], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		page := strings.TrimSuffix(filepath.Base(f), ".html")
		if core := page == "message" || strings.HasPrefix(page, "account") || strings.HasPrefix(page, "sign") || strings.HasPrefix(page, "recover") || strings.HasPrefix(page, "device"); core && !shown[page] {
			t.Errorf("%s: no example shows this page", page)
		}
	}
}

// show renders a page for somebody who is signed in where the page needs it.
func show(p *Pages, path, page string, v View) string {
	w := httptest.NewRecorder()
	a := &Ask{pages: p, w: w, r: httptest.NewRequest("GET", path, nil)}
	if strings.HasPrefix(page, "account") {
		enrolling, _ := v["Enrolling"].(bool)
		a.Session = &signin.Session{User: "alice", Enrolling: enrolling}
	}
	a.render(http.StatusOK, page, v)
	return w.Body.String()
}

// TestPicturesArePictures keeps a form's own field from becoming another address.
func TestPicturesArePictures(t *testing.T) {
	for _, text := range []string{"", "not base64", "amF2YXNjcmlwdDphbGVydCgxKQ=="} {
		if v := totpView("", text, ""); v["Source"] != nil {
			t.Errorf("%q became the picture %v", text, v["Source"])
		}
	}
	if v := totpView("", "iVBORw0KGgo=", ""); v["Source"] != template.URL("data:image/png;base64,iVBORw0KGgo=") {
		t.Errorf("a picture became %v", v["Source"])
	}
}
