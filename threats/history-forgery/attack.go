// Package historyforgery changes what the repository says of the past: a time,
// a warning, an entry.
package historyforgery

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a release of today is dated back by years", Play: backdated},
	{Name: "an index leaves the time of a release out", Play: timeless},
	{Name: "an index forgets that a release was yanked", Play: forgotten},
	{Name: "an entry of the log is another", Play: rewritten},
}

const longAgo = "2020-01-01"

// released publishes something and returns what the index says of it; it must
// tell the time.
func released(ctx context.Context, s *drill.Scene, name string) (*visit.Release, error) {
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "young"}); err != nil {
		return nil, err
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return nil, err
	}
	r := p.Release("1.0.0")
	if r == nil {
		return nil, errors.New("what was published is not listed")
	}
	if len(r.Time) < len(longAgo) {
		return nil, drill.Needs("an index that tells when a release was published")
	}
	return r, nil
}

// timeless hopes for clients that take no time for a long time ago.
func timeless(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("young")
	r, err := released(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Rewrite(r.Time, ""), func(ctx context.Context, seen *visit.Site) (string, error) {
		p, err := seen.Package(ctx, name)
		if err != nil {
			return "", err
		}
		if r := p.Release("1.0.0"); r == nil || r.Time != "" {
			return "", nil
		}
		return "nobody can tell that a release is of today", nil
	})
}

func backdated(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("young")
	r, err := released(ctx, s, name)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Rewrite(r.Time[:len(longAgo)], longAgo), func(ctx context.Context, seen *visit.Site) (string, error) {
		p, err := seen.Package(ctx, name)
		if err != nil {
			return "", err
		}
		if r := p.Release("1.0.0"); r == nil || !strings.HasPrefix(r.Time, longAgo) {
			return "", nil
		}
		return "a release of today passes every rule that waits for age", nil
	})
}

func forgotten(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("yanked")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "bad"}); err != nil {
		return drill.Result{}, err
	}
	look := func(ctx context.Context, site *visit.Site) error {
		_, err := site.Package(ctx, name)
		return err
	}
	before, err := drill.Record(ctx, s.Site, look)
	if err != nil {
		return drill.Result{}, err
	}
	if err := yank(ctx, s, name); err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, before.Play, func(ctx context.Context, seen *visit.Site) (string, error) {
		p, err := seen.Package(ctx, name)
		if err != nil {
			return "", err
		}
		if r := p.Release("1.0.0"); r == nil || r.Yanked {
			return "", nil
		}
		return "a release that its owner yanked is chosen as if nothing were wrong", nil
	})
}

func yank(ctx context.Context, s *drill.Scene, name string) error {
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return err
	}
	a, err := s.Site.Dialect.Yank(ctx, s.Site, as, name, "1.0.0")
	switch {
	case errors.Is(err, visit.ErrNotSpoken):
		return drill.Needs("a repository that lets an owner yank a release")
	case err != nil:
		return err
	case !a.Taken():
		return errors.New("yanking, which is honest: " + a.String())
	}
	return nil
}

// rewritten changes one byte of what the log holds. It is for repositories with
// a log alone, so it first asks whether anybody can verify one.
func rewritten(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("logged")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "logged"}); err != nil {
		return drill.Result{}, err
	}
	if err := s.Verify(ctx, s.Site.Base); errors.Is(err, drill.ErrNeeds) {
		return drill.Result{}, err
	}
	change := func(path string, r visit.Response) visit.Response {
		if strings.HasPrefix(path, "/log/tile/entries/") && r.OK() {
			r.Body = bytes.Replace(bytes.Clone(r.Body), []byte(name), []byte(strings.Replace(name, "logged", "forged", 1)), 1)
		}
		return r
	}
	return s.Deceive(ctx, change, func(context.Context, *visit.Site) (string, error) {
		return "what was published under " + name + " stands in the log under another name", nil
	})
}
