// Package releaseappend adds a file to a release that was reviewed long ago.
package releaseappend

import (
	"context"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{{
	// Only here has a release several files, of which installers pick one.
	Name: "a wheel joins a release of 15 days ago", Kinds: []string{"pypi"}, Play: join,
}}

const age = 15 * 24 * time.Hour

func join(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("append")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Form: "sdist", Canary: "reviewed"}); err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, age); err != nil {
		return drill.Result{}, err
	}
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Form: "wheel", Canary: "appended"})
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 1 {
		return drill.Harmed("whoever reviewed %s 1.0.0 as sources now installs a wheel that nobody reviewed", name)
	}
	return drill.Stopped("%s", a)
}
