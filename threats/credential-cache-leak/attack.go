// Package credentialcacheleak looks for one person's answers in a cache that
// others share, and for a credential where it is repeated.
package credentialcacheleak

import (
	"bytes"
	"context"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a shared cache gives one caller's answer to the next", Kinds: []string{"npm"}, Play: shared},
	{Name: "a wrong credential is repeated in an answer", Play: repeated},
}

// personal are the routes whose answer depends on who asks.
func personal() []string {
	return []string{"-/whoami", "-/npm/v1/user", "-/npm/v1/tokens"}
}

// shared asks as the owner, and reads the answer as a cache would that stands
// between the repository and many callers.
func shared(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	owner, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return drill.Result{}, err
	}
	stranger, err := s.Credential(ctx, drill.Stranger)
	if err != nil {
		return drill.Result{}, err
	}
	found := 0
	for _, path := range personal() {
		theirs, err := ask(ctx, s, path, owner)
		if err != nil {
			return drill.Result{}, err
		}
		mine, err := ask(ctx, s, path, stranger)
		if err != nil {
			return drill.Result{}, err
		}
		if bytes.Equal(theirs.Body, mine.Body) {
			continue // nothing in it is anybody's
		}
		found++
		if theirs.Storable(true) && theirs.Fresh() > 0 {
			return drill.Harmed("a shared cache may keep the owner's answer to %s for %s and gives it to the next who asks", path, theirs.Fresh())
		}
	}
	if found == 0 {
		return drill.Result{}, drill.Needs("a repository that tells callers who they are")
	}
	return drill.Stopped("no cache may keep what depends on who asks")
}

func ask(ctx context.Context, s *drill.Scene, path string, as visit.Credential) (visit.Response, error) {
	return s.Site.Web.Do(ctx, visit.Request{Method: "GET", URL: s.Site.Root + path,
		Header: map[string]string{"Accept": "application/json", "Authorization": as.Bearer()}})
}

// repeated sends a canary in place of a token, and looks for it in what anybody
// can read afterwards.
func repeated(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	canary := visit.Credential("drill_canary_" + s.Name("token"))
	a, err := s.Site.Publish(ctx, canary, visit.Upload{Name: s.Name("unsent"), Version: "1.0.0"})
	if err != nil {
		return drill.Result{}, err
	}
	if a.Taken() {
		return drill.Harmed("a credential that nobody was given publishes")
	}
	if bytes.Contains([]byte(a.Text), []byte(canary)) {
		return drill.Harmed("the refusal repeats the credential, and so does every log that keeps refusals")
	}
	for _, public := range []string{"", "metrics", "healthz", "readyz", "-/metrics", "debug/vars"} {
		res, err := s.Site.Web.Get(ctx, s.Site.Base+public, "")
		if err != nil {
			return drill.Result{}, err
		}
		if bytes.Contains(res.Body, []byte(canary)) {
			return drill.Harmed("/%s shows a credential that somebody sent", public)
		}
	}
	return drill.Stopped("%s", a)
}
