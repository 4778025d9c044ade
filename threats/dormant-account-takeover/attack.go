// Package dormantaccounttakeover publishes in the name of an owner who has been
// silent for years.
package dormantaccounttakeover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "the password of then opens an account that has nothing else", Kinds: []string{"npm"}, Accounts: true, Play: asleep},
	{Name: "a package that its owner archived has a release five years later", Play: archived},
}

const years = 5 * 365 * 24 * time.Hour

// asleep is an account that was set up with a password alone, where that is
// possible. Whoever signs in first, years later, makes it theirs.
func asleep(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	p, err := s.Somebody(ctx, drill.Weak)
	if refused := (drill.Refused{}); errors.As(err, &refused) {
		return drill.Stopped("%s", refused.Text())
	}
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, years); err != nil {
		return drill.Result{}, err
	}
	thief, err := s.Visitor(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	const noCode = "000000" // there is no app that could show one
	page, err := drill.CodeSignIn(ctx, thief, p.Name, p.Password, noCode)
	if err != nil {
		return drill.Result{}, err
	}
	if in, _, err := drill.SignedIn(ctx, thief); err != nil || !in {
		return drill.Result{Stopped: page.Text() + " [new-device-login]"}, err
	}
	const confirm, codes = "/account/confirm/code", "/account/codes"
	if _, err := drill.Try(ctx, thief, confirm, confirm, url.Values{"password": {p.Password}, "code": {noCode}}); err != nil {
		return drill.Result{}, err
	}
	if page, err = drill.Try(ctx, thief, codes, codes, nil); err != nil {
		return drill.Result{}, err
	}
	if len(drill.RecoveryCodes(page)) == 0 {
		return drill.Stopped("%s", page.Text())
	}
	return drill.Harmed("the account of %s, silent for five years, is whose that signed in first", p.Name)
}

func archived(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("silent")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
		return drill.Result{}, err
	}
	if err := archive(ctx, s, name); err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, years); err != nil {
		return drill.Result{}, err
	}
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.1.0", Canary: "thief"})
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.1.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs the newest %s, which nobody has looked after for five years, gets a thief's release", name)
	}
	return drill.Stopped("%s", a)
}

// archive closes the package, where the repository describes a way to. No
// package manager has a command for it.
func archive(ctx context.Context, s *drill.Scene, name string) error {
	res, err := s.Site.Web.Get(ctx, s.Site.Base+"api/v1/openapi.yaml", "application/yaml")
	if err != nil {
		return err
	}
	if !res.OK() || !bytes.Contains(res.Body, []byte("\n  /api/v1/changes:")) {
		return drill.Needs("a repository in which a package can be archived over HTTP")
	}
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"package": s.Site.Dialect.ID() + "/" + name, "change": "status", "status": "archived"})
	if err != nil {
		return err
	}
	res, err = s.Site.Web.Do(ctx, visit.Request{Method: "POST", URL: s.Site.Base + "api/v1/changes", Body: body,
		Header: map[string]string{"Content-Type": "application/json", "Authorization": as.Bearer()}})
	if err != nil {
		return err
	}
	if !res.OK() {
		return fmt.Errorf("archiving %s, which is honest: %d %s", name, res.Status, visit.Plain(res))
	}
	return nil
}
