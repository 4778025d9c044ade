package ecosystemtest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// checkReply answers every request of the suite with success and with every
// kind of error.
func checkReply(t *testing.T, eco ecosystem.Ecosystem, s Suite) {
	d := NewDesk(t, eco)
	for _, r := range slices.Concat(s.Uploads, s.Changes, s.Asks) {
		a, err := d.Ask(r)
		if err != nil {
			t.Errorf("%s: %v", r.Case, err)
			continue
		}
		checkErrors(t, eco, a, r.Case)
		name := a.Name
		if name.IsZero() {
			name = bonded.Name{Ecosystem: eco.Info().ID, Key: "example", Display: "example"}
		}
		hit := ecosystem.Hit{Name: name, Summary: bonded.Summary{Version: "1.0.0", Description: `a "quoted" <b>text</b>`}, Updated: 1935835200}
		good := eco.Reply(ecosystem.Outcome{
			Ask: a, User: Owner, Receipt: bonded.Receipt{Index: 7, Size: 9}, Hits: []ecosystem.Hit{hit}, Total: 1,
			Audience: "packages.example.org", Token: "an-upload-token", Ends: time.Unix(1935835200, 0), Base: "https://packages.example.org/",
			Login:  ecosystem.Pending{Page: "https://packages.example.org/device?code=BCDF-GHJK", Code: "BCDF-GHJK", Secret: "a-secret"},
			Tokens: []ecosystem.Token{{ID: "abc234", Label: "laptop"}},
		})
		// An answer that is always the same may be a no; every other success is one.
		if good.Status/100 != 2 && a.Verb != ecosystem.Answer {
			t.Errorf("%s: success is answered with %d", r.Case, good.Status)
		}
		checkBody(t, good, r.Case)
		if want := map[ecosystem.Verb]string{ecosystem.Exchange: "an-upload-token", ecosystem.Audience: "packages.example.org",
			ecosystem.Login: "/device?code=BCDF-GHJK", ecosystem.LoginDone: "an-upload-token", ecosystem.Tokens: "abc234"}[a.Verb]; !strings.Contains(string(good.Body), want) {
			t.Errorf("%s: %s does not hold %s", r.Case, good.Body, want)
		}
		if a.Verb == ecosystem.LoginDone {
			checkPending(t, eco, a, r.Case)
		}
		if a.Verb == ecosystem.Publish {
			checkStaged(t, eco, a, r.Case)
		}
	}
	checkErrors(t, eco, ecosystem.Ask{}, "a request nobody understood")
}

// checkStaged answers an upload that was taken and waits: a success of its own
// kind, that says in some place where it is approved.
func checkStaged(t *testing.T, eco ecosystem.Ecosystem, a ecosystem.Ask, name string) {
	t.Helper()
	o := ecosystem.Outcome{Ask: a, User: Owner, Base: "https://packages.example.org/", Receipt: bonded.Receipt{Staged: "abc234", Release: "left-pad 1.3.0"}}
	r := eco.Reply(o)
	checkBody(t, r, name)
	if r.Status != 202 { // RFC 9110 section 15.3.3
		t.Errorf("%s: staged is answered with %d, want 202", name, r.Status)
	}
	said := string(r.Body) + r.Reason
	for _, v := range r.Header {
		said += "\n" + v
	}
	if !strings.Contains(said, "https://packages.example.org/review/abc234") || !strings.Contains(said, "left-pad 1.3.0") {
		t.Errorf("%s: staged does not say what waits, and where: %s", name, said)
	}
}

// checkPending answers a client whose person has not answered, or not with yes.
func checkPending(t *testing.T, eco ecosystem.Ecosystem, a ecosystem.Ask, name string) {
	t.Helper()
	for _, state := range []string{ecosystem.PendingWaits, ecosystem.PendingRefused, ecosystem.PendingOver} {
		r := eco.Reply(ecosystem.Outcome{Ask: a, Login: ecosystem.Pending{State: state}, Token: "no-token"})
		checkBody(t, r, name)
		if r.Status == 200 || strings.Contains(string(r.Body), "no-token") {
			t.Errorf("%s, %s: %d %s", name, state, r.Status, r.Body)
		}
	}
}

func checkErrors(t *testing.T, eco ecosystem.Ecosystem, a ecosystem.Ask, name string) {
	t.Helper()
	const public, secret = "left-pad 1.3.0 is there already (immutable-versions); publish a new version", "secret cause"
	for k := bonded.Internal; k <= bonded.TooMany; k++ {
		r := eco.Reply(ecosystem.Outcome{Ask: a, Err: &bonded.Error{Kind: k, Control: "immutable-versions", Public: public, Err: errors.New(secret)}})
		checkBody(t, r, name)
		if a.Verb == ecosystem.Login {
			continue // clients try worse ways to log in after some statuses
		}
		server := k == bonded.Internal || k == bonded.Unavailable
		if server && r.Status/100 != 5 || !server && r.Status/100 != 4 {
			t.Errorf("%s: kind %d is answered with %d", name, k, r.Status)
		}
		if (r.Status == 401) != (k == bonded.Unauthorized) {
			t.Errorf("%s: kind %d is answered with %d", name, k, r.Status)
		}
		said := string(r.Body)
		for _, v := range r.Header {
			said += "\n" + v
		}
		if strings.Contains(said, secret) {
			t.Errorf("%s: kind %d tells the private cause: %s", name, k, said)
		}
		if k != bonded.Internal && !strings.Contains(said, "there already (immutable-versions)") {
			t.Errorf("%s: kind %d does not say the public text: %s", name, k, said)
		}
		if k == bonded.Internal && strings.Contains(said, "left-pad") {
			t.Errorf("%s: an error of our own says more than that: %s", name, said)
		}
	}
	if r := eco.Reply(ecosystem.Outcome{Ask: a, Err: errors.New(secret)}); r.Status/100 != 5 || strings.Contains(string(r.Body), secret) {
		t.Errorf("%s: an error nobody classified is answered with %d %s", name, r.Status, r.Body)
	}
}

func checkBody(t *testing.T, r ecosystem.Response, name string) {
	t.Helper()
	if len(r.Body) > 0 && r.Type == "" {
		t.Errorf("%s: a body without a media type", name)
	}
	if strings.Contains(r.Type, "json") && !jsontext.Value(r.Body).IsValid() {
		t.Errorf("%s: not JSON: %s", name, r.Body)
	}
	for k, v := range r.Header {
		if strings.ContainsAny(k+v, "\r\n\x00") {
			t.Errorf("%s: header %s breaks the line", name, k)
		}
	}
}
