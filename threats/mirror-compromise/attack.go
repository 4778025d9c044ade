// Package mirrorcompromise is a mirror that does not pass on what it was given.
package mirrorcompromise

import (
	"bytes"
	"context"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a mirror alters a file and its own index", Play: alters},
	{Name: "a mirror leaves the newest release out", Play: withholds},
	{Name: "a mirror pairs today's index with yesterday's file", Play: mixes},
}

// differs says what whoever installs from the mirror gets.
func differs(name, version string, genuine []byte) func(context.Context, *visit.Site) (string, error) {
	return func(ctx context.Context, mirror *visit.Site) (string, error) {
		got, err := drill.Install(ctx, mirror, name, version)
		if err != nil || len(got) == 0 || bytes.Equal(got[0].Body, genuine) {
			return "", err
		}
		return "whoever installs " + name + " " + version + " from the mirror gets other bytes", nil
	}
}

func alters(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("mirrored")
	f, err := s.Released(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	evil := bytes.Clone(f.Body)
	evil[len(evil)/2] ^= 1
	return s.Deceive(ctx, drill.Forge(f.File, f.Body, evil), differs(name, "1.0.0", f.Body))
}

func withholds(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("mirrored")
	if _, err := s.Released(ctx, name, "1.0.0"); err != nil {
		return drill.Result{}, err
	}
	before, err := drill.Record(ctx, s.Site, func(ctx context.Context, site *visit.Site) error {
		_, err := site.Package(ctx, name)
		return err
	})
	if err != nil {
		return drill.Result{}, err
	}
	if _, err := s.Released(ctx, name, "1.1.0"); err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, before.Play, func(ctx context.Context, mirror *visit.Site) (string, error) {
		p, err := mirror.Package(ctx, name)
		if err != nil || p.Release("1.1.0") != nil {
			return "", err
		}
		return "whoever asks the mirror for " + name + " never hears of 1.1.0, which closes a hole", nil
	})
}

func mixes(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("mirrored")
	old, err := s.Released(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	f, err := s.Released(ctx, name, "1.1.0")
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Swap(f.File, old.Body), differs(name, "1.1.0", f.Body))
}
