// Package tufmixandmatch shows a client pages that are genuine each, and never
// stood side by side.
package tufmixandmatch

import (
	"context"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "one package's index of today, another's of last week", Play: mix},
}

func mix(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	library, program := s.Name("library"), s.Name("program")
	publish := func(name, version string) error {
		return s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: version, Canary: version})
	}
	if err := publish(library, "1.0.0"); err != nil {
		return drill.Result{}, err
	}
	lastWeek, err := drill.Record(ctx, s.Site, func(ctx context.Context, site *visit.Site) error {
		_, err := site.Package(ctx, library)
		return err
	})
	if err != nil {
		return drill.Result{}, err
	}
	if err := publish(library, "1.1.0"); err != nil {
		return drill.Result{}, err
	}
	if err := publish(program, "2.0.0"); err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, lastWeek.Play, func(ctx context.Context, seen *visit.Site) (string, error) {
		p, err := seen.Package(ctx, program)
		if err != nil || p.Release("2.0.0") == nil {
			return "", err
		}
		l, err := seen.Package(ctx, library)
		if err != nil || l.Release("1.1.0") != nil {
			return "", err
		}
		return program + " of today is installed beside " + library + " of last week, with the hole that 1.1.0 closed", nil
	})
}
