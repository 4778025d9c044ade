package npm

import (
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// refusals are the answers to what this registry does not do.
var refusals = map[string]struct {
	status int
	text   string
}{
	opLogin: {422, "there is no login by password here: run npm login with --auth-type=web, or make a token on the repository's page account/tokens and put it into .npmrc as _authToken"},
	// npm install goes on without a word, npm audit prints this and fails. An
	// empty report would claim that somebody had looked.
	opAudit:   {404, "this repository holds no advisories; nothing was audited"},
	opTokens:  {422, "tokens are made on the repository's page account/tokens/new, where your passkey confirms it; the profile is on its page account"},
	opUsers:   {422, "organisations, teams and owners are looked after on the repository's pages orgs and packages, where whoever is invited has to accept"},
	opAccess:  {422, "access to single packages cannot be set here; every package can be read by everybody who can reach the repository"},
	opStaging: {422, "releases that wait for approval are shown, approved and rejected on the repository's pages below /review/; npm publish stages what needs it"},
}

// Reply answers as npm-registry-fetch reads it: of an error's body it prints
// the member "error", next to status and URL.
func (e Ecosystem) Reply(o ecosystem.Outcome) ecosystem.Response {
	if o.Err != nil {
		return replyError(o)
	}
	a := o.Ask
	if no, ok := refusals[a.Op]; ok && a.Verb == ecosystem.Answer {
		return answer(no.status, map[string]any{"error": no.text, "reason": "unsupported"})
	}
	switch {
	case a.Op == opProfile:
		return answer(200, map[string]any{"name": o.User, "email": "", "email_verified": false, "tfa": false})
	case a.Verb == ecosystem.Whoami:
		return answer(200, map[string]any{"username": o.User})
	case a.Verb == ecosystem.Ping:
		return answer(200, map[string]any{})
	case a.Verb == ecosystem.Search:
		return replySearch(o)
	case a.Op == opUser:
		return answer(200, map[string]any{"name": clip(a.Tag), "email": ""})
	case a.Verb == ecosystem.Owners:
		r := answer(200, map[string]any{"ok": true, "id": a.Name.Key})
		if o.Said != "" {
			r.Header = map[string]string{"npm-notice": plainText(o.Said)}
		}
		return r
	case a.Verb == ecosystem.Login:
		return replyLogin(o)
	case a.Verb == ecosystem.LoginDone:
		return replyDone(o)
	case a.Verb == ecosystem.Tokens:
		return replyTokens(o)
	case a.Verb == ecosystem.Revoke:
		return answer(200, map[string]any{"ok": true})
	case a.Verb == ecosystem.Exchange:
		return answer(201, map[string]any{"token": o.Token, "token_type": "oidc", "expires": timeText(o.Ends)})
	case o.Receipt.Staged != "":
		return replyStaged(o)
	}
	r := answer(200, map[string]any{"ok": true, "id": a.Name.Key, "success": true, "index": o.Receipt.Index, "size": o.Receipt.Size})
	if a.Op == opPut || a.Op == opTag {
		r.Status = 201
	}
	if a.Op == opPut && o.Receipt.Size > 0 {
		// npm prints this header after whatever else it has to say.
		r.Header = map[string]string{"npm-notice": "logged as entry " + uintText(o.Receipt.Index) + " of " + uintText(o.Receipt.Size) + " in the repository's public log"}
	}
	return r
}

// replyStaged is a success that is not yet one: npm takes every status below
// 400 for it (npm-registry-fetch lib/check-response.js), prints "+ name@version"
// and with it the header npm-notice. pnpm and yarn print neither.
func replyStaged(o ecosystem.Outcome) ecosystem.Response {
	r := answer(202, map[string]any{"ok": true, "success": true, "staged": o.Receipt.Staged, "message": o.Staged()})
	r.Header = map[string]string{"npm-notice": plainText(o.Staged())}
	return r
}

func answer(status int, body any) ecosystem.Response {
	return ecosystem.Response{Status: status, Type: typeJSON, Body: value(body)}
}

// replyError says an error so that each client prints its words.
func replyError(o ecosystem.Outcome) ecosystem.Response {
	kind, control, public := bonded.Explain(o.Err)
	if control == stepUp && o.Login.Page != "" {
		return replyProve(o, public)
	}
	status := ecosystem.StatusOf(kind)
	if o.Ask.Verb == ecosystem.Login && status <= 500 {
		status = loginStatus(status)
	}
	// On 409 older clients fetch the document, merge, and publish again.
	if kind == bonded.Conflict && (o.Ask.Verb == ecosystem.Publish || o.Ask.Verb == 0) {
		status = 403
	}
	text := public
	if control != "" && !strings.Contains(text, control) {
		text += " (" + control + ")"
	}
	body := map[string]any{"error": text, "reason": text, "success": false}
	if control != "" {
		body["control"] = control
	}
	if o.Ask.Verb == ecosystem.Exchange {
		// The member that npm shows, with --loglevel verbose alone; otherwise it
		// goes on without a token and says that it needs one.
		body["message"] = text
	}
	r := answer(status, body)
	if status == 401 {
		// RFC 9110 section 15.5.2 asks for the header. npm looks for "Bearer"
		// and "Basic" with just these capitals and then prints advice of its
		// own in place of the error; the scheme in small letters means the same
		// to everybody (section 11.1) and makes npm print the header.
		r.Header = map[string]string{"WWW-Authenticate": `bearer error="invalid_token", error_description="` + plainText(text) + `"`}
	}
	return r
}

// plainText keeps to the characters of error_description (RFC 6750 section 3).
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}

// replySearch answers in the form of docs/REGISTRY-API.md, GET /-/v1/search.
// There are no scores here, so they all are equal, and no publisher: who
// published is not public.
func replySearch(o ecosystem.Outcome) ecosystem.Response {
	objects := []any{}
	for _, h := range o.Hits {
		keywords := h.Summary.Keywords
		if keywords == nil {
			keywords = []string{}
		}
		links := map[string]string{}
		if h.Summary.Homepage != "" {
			links["homepage"] = h.Summary.Homepage
		}
		scope := "unscoped"
		if s, _, ok := strings.Cut(h.Name.Key, "/"); ok {
			scope = strings.TrimPrefix(s, "@")
		}
		objects = append(objects, map[string]any{
			"package": map[string]any{
				"name": h.Name.Key, "scope": scope, "version": h.Summary.Version, "description": h.Summary.Description,
				"keywords": keywords, "license": h.Summary.License, "date": timeText(time.Unix(h.Updated, 0)),
				"links": links, "maintainers": []string{},
			},
			"score":       map[string]any{"final": 1, "detail": map[string]int{"quality": 1, "popularity": 1, "maintenance": 1}},
			"searchScore": 1,
		})
	}
	return answer(200, map[string]any{"objects": objects, "total": o.Total})
}
