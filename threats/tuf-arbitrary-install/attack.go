// Package tufarbitraryinstall gives a client a package that nobody published.
package tufarbitraryinstall

import (
	"bytes"
	"context"
	"errors"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "somebody on the path replaces a package and its digests", Play: replace},
}

func replace(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("genuine")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "genuine"}); err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Result{}, errors.New("what was published cannot be installed")
	}
	evil, err := visit.TarGz(visit.Member{Name: "package/canary.txt", Body: []byte("inert\n")})
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Forge(got[0].File, got[0].Body, evil), func(ctx context.Context, seen *visit.Site) (string, error) {
		now, err := drill.Install(ctx, seen, name, "1.0.0")
		if err != nil || len(now) == 0 || !bytes.Equal(now[0].Body, evil) {
			return "", err
		}
		return "whoever installs " + name + " 1.0.0 gets an attacker's package", nil
	})
}
