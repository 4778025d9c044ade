package npm

import (
	"net/url"
	"strings"
	"time"

	"bonded.dev/ecosystem"
)

// Logging in by web and confirming by web are one exchange (npm-profile
// lib/index.js): the client gets two addresses, opens one for its person, and
// asks the other until it answers 200 with a token. For a log-in that is the
// token; for a confirmation (npm lib/utils/auth.js, otplease) it is a one-time
// password, with which the client repeats its request.

// stepUp is the control that asks for more than a token.
const stepUp = "step-up"

// again is how long a client waits before it asks once more, seconds.
const again = "2"

// loginStatus keeps npm from asking for a name and a password, which it does
// after any 4xx and after 500 to the beginning of a log-in. It tries again after
// other 5xx unless it was a POST, as this is, so that it prints our words.
func loginStatus(status int) int {
	if status == 429 {
		return 503
	}
	return 501
}

// doneURL is where the client asks.
func doneURL(o ecosystem.Outcome) string {
	return strings.TrimSuffix(o.Base, "/") + Ecosystem{}.Info().Prefix + "-/" + donePath + "?secret=" + url.QueryEscape(o.Login.Secret)
}

func replyLogin(o ecosystem.Outcome) ecosystem.Response {
	r := answer(200, map[string]any{"loginUrl": o.Login.Page, "doneUrl": doneURL(o)})
	r.Header = map[string]string{"npm-notice": "the page asks for this code: " + o.Login.Code, "Cache-Control": "no-store"}
	return r
}

// replyDone answers a client that waits. What is neither 200 nor 202 ends the
// waiting; an error status would make npm ask for a password instead.
func replyDone(o ecosystem.Outcome) ecosystem.Response {
	r := ecosystem.Response{}
	switch o.Login.State {
	case "":
		r = answer(200, map[string]any{"token": o.Token})
		r.Header = map[string]string{}
	case ecosystem.PendingWaits:
		r = answer(202, map[string]any{})
		r.Header = map[string]string{"Retry-After": again}
	default:
		text := "this was refused on the repository's page"
		if o.Login.State == ecosystem.PendingOver {
			text = "nobody answered in time, or the answer was fetched already; run the command again"
		}
		r = answer(203, map[string]any{"error": text})
		r.Header = map[string]string{"npm-notice": text}
	}
	r.Header["Cache-Control"] = "no-store"
	return r
}

// replyProve asks for a one-time password (npm-registry-fetch
// lib/check-response.js looks for this scheme). npm prints words of its own
// then; ours it shows as a notice.
func replyProve(o ecosystem.Outcome, public string) ecosystem.Response {
	r := answer(401, map[string]any{"error": public, "reason": public, "success": false, "control": stepUp,
		"authUrl": o.Login.Page, "doneUrl": doneURL(o)})
	r.Header = map[string]string{"WWW-Authenticate": "OTP", "npm-notice": plainText(public), "Cache-Control": "no-store"}
	return r
}

// replyTokens answers npm token list (npm lib/commands/token.js). Of a token
// nothing is known here but its hash, so that its id stands for it.
func replyTokens(o ecosystem.Outcome) ecosystem.Response {
	list := []any{}
	for _, t := range o.Tokens {
		networks := t.Networks
		if networks == nil {
			networks = []string{}
		}
		list = append(list, map[string]any{
			"key": t.ID, "token": "bnd_", "name": t.Label, "created": t.Created.UTC().Format(time.RFC3339), "updated": t.Created.UTC().Format(time.RFC3339),
			"expiry": t.Expires.UTC().Format(time.RFC3339), "readonly": t.Reads, "cidr_whitelist": networks,
		})
	}
	return answer(200, map[string]any{"objects": list, "total": len(list), "urls": map[string]any{}})
}
