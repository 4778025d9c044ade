// Package gatefailopen knocks a gate over and walks through.
package gatefailopen

import (
	"context"
	"fmt"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a release on which the scanner crashes", Play: crash},
	{Name: "the same one again, until somebody gives in", Play: insist},
}

func crash(ctx context.Context, s *drill.Scene) (drill.Result, error) { return publish(ctx, s, 1) }

func insist(ctx context.Context, s *drill.Scene) (drill.Result, error) { return publish(ctx, s, 8) }

// publish sends what makes the scanner crash, up to a number of times.
func publish(ctx context.Context, s *drill.Scene, times int) (drill.Result, error) {
	name := s.Name("crashes")
	mark := "scanner crash " + name
	if err := s.Scanner(ctx, mark); err != nil {
		return drill.Result{}, err
	}
	var last visit.Answer
	for range times {
		a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Inside: visit.Manifest{Description: mark}})
		if err != nil {
			return drill.Result{}, err
		}
		last = a
		got, err := s.Install(ctx, name, "1.0.0")
		if err != nil {
			return drill.Result{}, err
		}
		if len(got) > 0 {
			return drill.Harmed("%s 1.0.0 is installed, and no scanner ever finished with it", name)
		}
	}
	// An intake that refuses everything would pass as well, so an honest release
	// must still go through.
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: s.Name("honest"), Version: "1.0.0"}); err != nil {
		return drill.Result{}, fmt.Errorf("afterwards: %w", err)
	}
	return drill.Stopped("%s", last)
}
