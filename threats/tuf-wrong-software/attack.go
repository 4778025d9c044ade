// Package tufwrongsoftware answers a request for one thing with another, which
// is just as genuine.
package tufwrongsoftware

import (
	"bytes"
	"context"
	"errors"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "another package's genuine file, digests and all", Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		return served(ctx, s, coordinate{s.Name("asked"), "1.0.0"}, coordinate{s.Name("other"), "1.0.0"})
	}},
	{Name: "an older release's genuine file under the new number", Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("asked")
		return served(ctx, s, coordinate{name, "1.1.0"}, coordinate{name, "1.0.0"})
	}},
}

type coordinate struct{ name, version string }

func (c coordinate) publish(ctx context.Context, s *drill.Scene) (drill.Got, error) {
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: c.name, Version: c.version, Canary: c.name + c.version}); err != nil {
		return drill.Got{}, err
	}
	got, err := s.Install(ctx, c.name, c.version)
	if err != nil {
		return drill.Got{}, err
	}
	if len(got) == 0 {
		return drill.Got{}, errors.New("what was published cannot be installed")
	}
	return got[0], nil
}

func served(ctx context.Context, s *drill.Scene, asked, other coordinate) (drill.Result, error) {
	wrong, err := other.publish(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	right, err := asked.publish(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Forge(right.File, right.Body, wrong.Body), func(ctx context.Context, seen *visit.Site) (string, error) {
		got, err := drill.Install(ctx, seen, asked.name, asked.version)
		if err != nil || len(got) == 0 || !bytes.Equal(got[0].Body, wrong.Body) {
			return "", err
		}
		return "whoever installs " + asked.name + " " + asked.version + " gets " + other.name + " " + other.version, nil
	})
}
