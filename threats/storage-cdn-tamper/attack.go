// Package storagecdntamper changes files between the repository and those who
// install.
package storagecdntamper

import (
	"bytes"
	"context"
	"errors"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "an upload is changed on its way in", Play: onTheWayIn},
	{Name: "one byte of a file is changed at the edge", Play: changed(flip)},
	{Name: "a file is cut", Play: changed(func(b []byte) []byte { return b[:len(b)/2] })},
	{Name: "another release's file is served", Play: swapped},
	{Name: "the file and every digest in the index are changed", Play: agreed},
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// installs says what an ordinary client then has on its disk.
func installs(name, version string, genuine []byte) func(context.Context, *visit.Site) (string, error) {
	return func(ctx context.Context, seen *visit.Site) (string, error) {
		got, err := drill.Install(ctx, seen, name, version)
		if err != nil {
			return "", err
		}
		for _, g := range got {
			if !bytes.Equal(g.Body, genuine) {
				return "whoever installs " + name + " " + version + " gets bytes that nobody published", nil
			}
		}
		return "", nil
	}
}

func changed(change func([]byte) []byte) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("stored")
		f, err := s.Released(ctx, name, "1.0.0")
		if err != nil {
			return drill.Result{}, err
		}
		return s.Deceive(ctx, drill.Swap(f.File, change(f.Body)), installs(name, "1.0.0", f.Body))
	}
}

func swapped(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("stored")
	old, err := s.Released(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	f, err := s.Released(ctx, name, "1.1.0")
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Swap(f.File, old.Body), installs(name, "1.1.0", f.Body))
}

func agreed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("stored")
	f, err := s.Released(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Forge(f.File, f.Body, flip(f.Body)), installs(name, "1.0.0", f.Body))
}

// onTheWayIn sends bytes that are not those which the request describes, as
// somebody between the publisher and the repository would.
func onTheWayIn(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("sent")
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "not what was sent", Lie: true})
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if errors.Is(err, drill.ErrDigest) {
		return drill.Stopped("it was taken (%s), but an ordinary client refuses: %v", a, err)
	}
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s 1.0.0 gets bytes that its publisher never sent", name)
	}
	return drill.Stopped("%s", a)
}
