package oci

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// tokenUser is who a token belongs to where a registry takes a name and a
// password: registries that know tokens do not look at it.
const tokenUser = "__token__"

// ask makes a request. When the registry answers that it wants a bearer token,
// it gets one where the registry says (the token authentication of the
// distribution project, which all clients follow) and asks again.
func ask(ctx context.Context, s *visit.Site, as visit.Credential, q visit.Request) (visit.Response, error) {
	// A place to which the registry sent us by itself sees no credential, except
	// on the registry's own host.
	if !sameHost(q.URL, s.Root) {
		as = ""
	}
	if a := as.Basic(tokenUser); a != "" {
		q.Header = with(q.Header, a)
	}
	r, err := s.Web.Do(ctx, q)
	if err != nil || r.Status != 401 || !sameHost(q.URL, s.Root) {
		return r, err
	}
	where, ok := challenge(r.Header.Get("WWW-Authenticate"))
	if !ok {
		return r, nil
	}
	token, err := exchange(ctx, s, as, where)
	if err != nil || token == "" {
		return r, err
	}
	q.Header = with(q.Header, "Bearer "+token)
	return s.Web.Do(ctx, q)
}

func with(h map[string]string, authorization string) map[string]string {
	out := map[string]string{"Authorization": authorization}
	for k, v := range h {
		if k != "Authorization" {
			out[k] = v
		}
	}
	return out
}

func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && x.Host == y.Host
}

// challenge reads a WWW-Authenticate header: where tokens are, with what is to
// be asked for.
func challenge(header string) (where string, ok bool) {
	kind, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(kind, "Bearer") {
		return "", false
	}
	said := map[string]string{}
	for rest != "" {
		var key, value string
		key, rest, _ = strings.Cut(rest, "=")
		if quoted, isQuoted := strings.CutPrefix(rest, `"`); isQuoted {
			value, rest, _ = strings.Cut(quoted, `"`)
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			value, rest, _ = strings.Cut(rest, ",")
		}
		said[strings.ToLower(strings.TrimSpace(key))] = value
	}
	realm, err := url.Parse(said["realm"])
	if err != nil || !realm.IsAbs() {
		return "", false
	}
	q := realm.Query()
	for _, key := range []string{"service", "scope"} {
		if said[key] != "" {
			q.Set(key, said[key])
		}
	}
	realm.RawQuery = q.Encode()
	return realm.String(), true
}

// exchange asks for a token; "" when it is refused. The credential goes to the
// registry's own host or to one under TLS, as clients do it, and nowhere else.
func exchange(ctx context.Context, s *visit.Site, as visit.Credential, where string) (string, error) {
	q := visit.Request{Method: "GET", URL: where, Header: map[string]string{"Accept": typeJSON}}
	if a := as.Basic(tokenUser); a != "" && (sameHost(where, s.Root) || strings.HasPrefix(where, "https://")) {
		q.Header["Authorization"] = a
	}
	r, err := s.Web.Do(ctx, q)
	if err != nil || !r.OK() {
		return "", err
	}
	var body struct {
		Token  string `json:"token"`
		Access string `json:"access_token"`
	}
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return "", fmt.Errorf("reading the token of %s: %w: %w", where, errShape, err)
	}
	if body.Token == "" {
		return body.Access, nil
	}
	return body.Token, nil
}
