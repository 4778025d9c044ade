// Package unpublishremoval deletes what others build on.
package unpublishremoval

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "an owner deletes a release of four days ago", Play: old},
	{Name: "an owner deletes a package that another one needs", Play: needed},
	{Name: "a yanked release, asked for by a lockfile", Play: yanked},
	{Name: "a deleted release comes back with other bytes", Play: refilled},
}

// locked publishes a release and returns its files as a lockfile has them.
func locked(ctx context.Context, s *drill.Scene, name string) ([]drill.Got, error) {
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "relied on"}); err != nil {
		return nil, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err == nil && len(got) == 0 {
		err = fmt.Errorf("%s 1.0.0 was published and cannot be installed", name)
	}
	return got, err
}

// broken says what somebody with a lockfile lost.
func broken(ctx context.Context, s *drill.Scene, lock []drill.Got) (string, error) {
	for _, f := range lock {
		res, err := s.Site.Fetch(ctx, f.File)
		if err != nil {
			return "", err
		}
		if !res.OK() {
			return fmt.Sprintf("every build with %s in its lockfile breaks: %d", f.Name, res.Status), nil
		}
		if !bytes.Equal(res.Body, f.Body) {
			return fmt.Sprintf("every build with %s in its lockfile stops at other bytes", f.Name), nil
		}
	}
	return "", nil
}

func remove(ctx context.Context, s *drill.Scene, name string) (visit.Answer, error) {
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return visit.Answer{}, err
	}
	a, err := s.Site.Dialect.Delete(ctx, s.Site, as, name, "1.0.0")
	if errors.Is(err, visit.ErrNotSpoken) {
		return a, drill.Needs("a repository that lets an owner delete a release")
	}
	return a, err
}

func old(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("gone")
	lock, err := locked(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, 4*24*time.Hour); err != nil {
		return drill.Result{}, err
	}
	return without(ctx, s, name, lock)
}

func needed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("gone")
	lock, err := locked(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	up := visit.Upload{Name: s.Name("needs"), Version: "1.0.0", Inside: visit.Manifest{Dependencies: map[string]string{name: anything(s)}}}
	if err := s.Publish(ctx, drill.Stranger, up); err != nil {
		return drill.Result{}, err
	}
	return without(ctx, s, name, lock)
}

// anything is a range that 1.0.0 is in, as the dialect writes it.
func anything(s *drill.Scene) string {
	if s.Site.Dialect.ID() == "npm" {
		return "^1.0.0"
	}
	return ">=1.0"
}

// without deletes the release and looks at the lockfile again.
func without(ctx context.Context, s *drill.Scene, name string, lock []drill.Got) (drill.Result, error) {
	a, err := remove(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	harm, err := broken(ctx, s, lock)
	if err != nil {
		return drill.Result{}, err
	}
	if harm != "" {
		return drill.Harmed("%s", harm)
	}
	return drill.Stopped("%s", a)
}

func yanked(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("yanked")
	lock, err := locked(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Yank(ctx, s.Site, as, name, "1.0.0")
	if errors.Is(err, visit.ErrNotSpoken) {
		return drill.Result{}, drill.Needs("a repository that lets an owner yank a release")
	}
	if err != nil {
		return drill.Result{}, err
	}
	if !a.Taken() {
		return drill.Result{}, fmt.Errorf("yanking %s 1.0.0, which is honest: %s", name, a)
	}
	harm, err := broken(ctx, s, lock)
	if err != nil {
		return drill.Result{}, err
	}
	if harm != "" {
		return drill.Harmed("%s", harm)
	}
	return drill.Stopped("the yanked release is marked, and a lockfile still gets it")
}

// refilled does not break the lockfile but fills the hole that a deletion left.
func refilled(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("refilled")
	lock, err := locked(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	if _, err := remove(ctx, s, name); err != nil {
		return drill.Result{}, err
	}
	up := visit.Upload{Name: name, Version: "1.0.0", Canary: "other bytes"}
	if s.Site.Dialect.ID() == "pypi" {
		up.Form = "sdist" // another file name than the deleted one's
	}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	for _, g := range got {
		if !slices.ContainsFunc(lock, func(l drill.Got) bool { return bytes.Equal(l.Body, g.Body) }) {
			return drill.Harmed("%s 1.0.0 was deleted and means other bytes now", name)
		}
	}
	return drill.Stopped("%s", a)
}
