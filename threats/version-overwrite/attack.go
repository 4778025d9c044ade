// Package versionoverwrite plays the same version with different bytes.
package versionoverwrite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks publish a version, then try to make it mean something else. Harm is
// that an installer, who asks for the same version as before, gets other bytes.
var Attacks = []drill.Attack{
	{Name: "the same version again, with other bytes", Play: again},
	{Name: "delete the version, then publish it anew", Play: anew(visit.Upload{})},
	{Name: "delete the version, then publish it as another kind of file", Kinds: []string{"pypi"}, Play: anew(visit.Upload{Form: "sdist"})},
	{Name: "the same version spelled otherwise", Kinds: []string{"npm", "pypi"}, Play: otherSpelling},
	{Name: "the same version from many clients at once", Play: race},
}

const (
	version = "1.0.0"
	honest  = "these bytes were reviewed"
	evil    = "these bytes were not"
)

// reviewed publishes what is going to be attacked and returns its bytes.
func reviewed(ctx context.Context, s *drill.Scene, name string) ([][]byte, error) {
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: version, Canary: honest}); err != nil {
		return nil, err
	}
	was, err := s.Bytes(ctx, name, version)
	if err == nil && len(was) == 0 {
		err = errors.New("what was published cannot be installed")
	}
	return was, err
}

// compare says what an installer gets now.
func compare(ctx context.Context, s *drill.Scene, name string, was [][]byte, stopped string) (drill.Result, error) {
	now, err := s.Bytes(ctx, name, version)
	if err != nil {
		return drill.Result{}, err
	}
	if other(was, now) {
		return drill.Harmed("whoever installs %s %s gets other bytes than those that were reviewed", name, version)
	}
	return drill.Stopped("%s", stopped)
}

// other reports whether there are bytes now that were not there before.
func other(was, now [][]byte) bool {
	return slices.ContainsFunc(now, func(n []byte) bool {
		return !slices.ContainsFunc(was, func(w []byte) bool { return bytes.Equal(w, n) })
	})
}

func again(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("again")
	was, err := reviewed(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: version, Canary: evil})
	if err != nil {
		return drill.Result{}, err
	}
	return compare(ctx, s, name, was, a.String())
}

// anew deletes first; up says how the second upload differs from the first.
func anew(up visit.Upload) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("anew")
		was, err := reviewed(ctx, s, name)
		if err != nil {
			return drill.Result{}, err
		}
		as, err := s.Credential(ctx, drill.Owner)
		if err != nil {
			return drill.Result{}, err
		}
		gone, err := s.Site.Dialect.Delete(ctx, s.Site, as, name, version)
		if errors.Is(err, visit.ErrNotSpoken) {
			return drill.Result{}, drill.Needs("a repository in which versions can be deleted over HTTP")
		}
		if err != nil {
			return drill.Result{}, err
		}
		up := up
		up.Name, up.Version, up.Canary = name, version, evil
		a, err := s.Attempt(ctx, drill.Owner, up)
		if err != nil {
			return drill.Result{}, err
		}
		return compare(ctx, s, name, was, fmt.Sprintf("deletion: %s; publishing anew: %s", gone, a))
	}
}

// otherSpelling publishes a version that installers take for the same: a
// further zero (PEP 440), build metadata (Semantic Versioning, section 10).
func otherSpelling(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	spelled := version + ".0"
	if s.Site.Dialect.ID() == "npm" {
		spelled = version + "+build"
	}
	name := s.Name("spelled")
	was, err := reviewed(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: spelled, Canary: evil})
	if err != nil {
		return drill.Result{}, err
	}
	now, err := s.Bytes(ctx, name, spelled)
	if err != nil {
		return drill.Result{}, err
	}
	if other(was, now) {
		return drill.Harmed("an index of %s lists %s and %s, which are one version to installers, with different bytes", name, version, spelled)
	}
	return compare(ctx, s, name, was, a.String())
}

// race publishes one version many times in the same instant. Everybody who is
// told that it was taken installs it; all must get the same.
func race(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const clients = 8
	name := s.Name("race")
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		taken   int
		got     [][]byte
		answers []string
		failed  error
	)
	for i := range clients {
		all.Go(func() {
			up := visit.Upload{Name: name, Version: version, Canary: fmt.Sprintf("client %d was here", i)}
			a, err := s.Attempt(ctx, drill.Owner, up)
			var now [][]byte
			if err == nil && a.Taken() {
				now, err = s.Bytes(ctx, name, version)
			}
			mu.Lock()
			defer mu.Unlock()
			failed, got, answers = errors.Join(failed, err), append(got, now...), append(answers, a.String())
			if a.Taken() {
				taken++
			}
		})
	}
	all.Wait()
	if failed != nil {
		return drill.Result{}, failed
	}
	now, err := s.Bytes(ctx, name, version)
	if err != nil {
		return drill.Result{}, err
	}
	slices.Sort(answers)
	answers = slices.Compact(answers)
	switch got = append(got, now...); {
	case taken == 0:
		return drill.Result{}, fmt.Errorf("publishing %s %s, which is honest: %s", name, version, strings.Join(answers, "; "))
	case other(got[:1], got[1:]):
		return drill.Harmed("people who installed %s %s at the same time have different bytes", name, version)
	case taken > 1:
		return drill.Harmed("%d publishers were told that their bytes are %s %s, and only one of them is right", taken, name, version)
	}
	return drill.Stopped("one of %d was taken; the others: %s", clients, answers[len(answers)-1])
}
