// Package namereuse takes over the name of a package that was deleted.
package namereuse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a stranger publishes under a deleted name", Play: after(0)},
	{Name: "the same, 25 hours and 31 days later", Play: after(25*time.Hour, 31*24*time.Hour)},
	{Name: "the same name in capitals", Play: capitals},
	{Name: "a stranger publishes the deleted version anew", Play: sameVersion},
	{Name: "a package of five days is deleted, and taken", Play: grown},
}

// deleted publishes a package and takes it away again. It reports whether it is
// gone; a repository that keeps it leaves nothing to take.
func deleted(ctx context.Context, s *drill.Scene, name string) (gone bool, answer visit.Answer, err error) {
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
		return false, answer, err
	}
	return remove(ctx, s, name)
}

func remove(ctx context.Context, s *drill.Scene, name string) (gone bool, answer visit.Answer, err error) {
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return false, answer, err
	}
	answer, err = s.Site.Dialect.Delete(ctx, s.Site, as, name, "")
	if errors.Is(err, visit.ErrNotSpoken) {
		return false, answer, drill.Needs("a repository that lets an owner delete a package")
	}
	if err != nil {
		return false, answer, err
	}
	p, err := s.Site.Package(ctx, name)
	if errors.Is(err, visit.ErrNone) {
		return true, answer, nil
	}
	return err == nil && len(p.Releases) == 0, answer, err
}

// take lets a stranger publish and says whether installers now get that.
func take(ctx context.Context, s *drill.Scene, up visit.Upload) (drill.Result, error) {
	a, err := s.Attempt(ctx, drill.Stranger, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, strings.ToLower(up.Name), up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever still names %s installs what a stranger published as %s %s", strings.ToLower(up.Name), up.Name, up.Version)
	}
	if a.Taken() {
		return drill.Stopped("%s was taken as another package, and whoever names the old one gets nothing: %s", up.Name, a)
	}
	return drill.Stopped("%s", a)
}

func after(pauses ...time.Duration) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("reuse")
		gone, answer, err := deleted(ctx, s, name)
		if err != nil {
			return drill.Result{}, err
		}
		if !gone {
			return drill.Stopped("the package stays: %s", answer)
		}
		var r drill.Result
		for i, pause := range pauses {
			if pause > 0 {
				if err := s.Later(ctx, pause); err != nil {
					return r, err
				}
			}
			r, err = take(ctx, s, visit.Upload{Name: name, Version: fmt.Sprintf("1.%d.0", i+1), Canary: "stranger"})
			if err != nil || r.Harm != "" {
				return r, err
			}
		}
		return r, nil
	}
}

func capitals(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("reuse")
	gone, answer, err := deleted(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	if !gone {
		return drill.Stopped("the package stays: %s", answer)
	}
	return take(ctx, s, visit.Upload{Name: strings.ToUpper(name), Version: "1.1.0", Canary: "stranger"})
}

func sameVersion(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("reuse")
	gone, answer, err := deleted(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	if !gone {
		return drill.Stopped("the package stays: %s", answer)
	}
	up := visit.Upload{Name: name, Version: "1.0.0", Canary: "stranger"}
	if s.Site.Dialect.ID() == "pypi" {
		up.Form = "sdist" // another file name than the deleted one's
	}
	return take(ctx, s, up)
}

func grown(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("reuse")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "owner"}); err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 5*24*time.Hour); err != nil {
		return drill.Result{}, err
	}
	gone, answer, err := remove(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	if !gone {
		return drill.Stopped("the package stays: %s", answer)
	}
	return take(ctx, s, visit.Upload{Name: name, Version: "1.1.0", Canary: "stranger"})
}
