// Package dormantaccounttakeover publishes in the name of an owner who has been
// silent for years.
package dormantaccounttakeover

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a package that its owner archived has a release five years later", Play: archived},
}

const years = 5 * 365 * 24 * time.Hour

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
