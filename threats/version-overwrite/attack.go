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
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks publish a version, then try to make it mean something else. Harm is
// that an installer, who asks for the same version as before, gets other bytes.
var Attacks = []drill.Attack{
	{Name: "the same version again, with other bytes", Play: again},
	{Name: "delete the version, then publish it anew", Play: anew(visit.Upload{})},
	{Name: "delete the version, then publish it as another kind of file", Kinds: []string{"pypi"}, Play: anew(visit.Upload{Form: "sdist"})},
	{Name: "the same with a version of four days ago", Kinds: []string{"pypi"}, Play: old},
	{Name: "the same version spelled otherwise", Kinds: []string{"npm", "pypi"}, Play: otherSpelling},
	{Name: "the same version from many clients at once", Play: race},
	{Name: "a captured server serves other bytes, and its index agrees", Play: captured},
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
		return replaced(ctx, s, up, 0)
	}
}

// old is a version that people have come to rely on.
func old(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return replaced(ctx, s, visit.Upload{Form: "sdist"}, 4*24*time.Hour)
}

func replaced(ctx context.Context, s *drill.Scene, up visit.Upload, after time.Duration) (drill.Result, error) {
	name := s.Name("anew")
	was, err := reviewed(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	if after > 0 {
		if err := s.Later(ctx, after); err != nil {
			return drill.Result{}, err
		}
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
	up.Name, up.Version, up.Canary = name, version, evil
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	return compare(ctx, s, name, was, fmt.Sprintf("deletion: %s; publishing anew: %s", gone, a))
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

// captured leaves the upload alone: whoever has the server needs none.
func captured(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("captured")
	if _, err := reviewed(ctx, s, name); err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, version)
	if err != nil || len(got) == 0 {
		return drill.Result{}, errors.Join(errors.New("what was published cannot be installed"), err)
	}
	file := got[0]
	forged := bytes.Clone(file.Body)
	forged[len(forged)/2] ^= 1
	return s.Deceive(ctx, drill.Forge(file.File, file.Body, forged), func(ctx context.Context, seen *visit.Site) (string, error) {
		now, err := drill.Install(ctx, seen, name, version)
		if err != nil || len(now) == 0 || !bytes.Equal(now[0].Body, forged) {
			return "", err
		}
		return "whoever installs " + name + " " + version + " gets other bytes than those that were reviewed", nil
	})
}
