// Package persistentpoisonedcache asks for how long a cache goes on offering
// what its source has withdrawn.
package persistentpoisonedcache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a cached index offers a release that was yanked", Play: yanked},
	{Name: "a cached index offers a release that was deleted", Play: deleted},
}

// patience is for how long an index may be given out unasked. Within it a bad
// release lives on in every cache, after the source has withdrawn it.
const patience = time.Hour

func yanked(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return withdrawn(ctx, s, "yank", s.Site.Dialect.Yank)
}

func deleted(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return withdrawn(ctx, s, "delete", func(ctx context.Context, site *visit.Site, as visit.Credential, name, _ string) (visit.Answer, error) {
		return site.Dialect.Delete(ctx, site, as, name, "2.0.0")
	})
}

type withdrawal func(ctx context.Context, s *visit.Site, as visit.Credential, name, version string) (visit.Answer, error)

// withdrawn fills a cache with the index, takes the release back, and asks what
// the cache may answer.
func withdrawn(ctx context.Context, s *drill.Scene, what string, take withdrawal) (drill.Result, error) {
	name := s.Name("bad")
	for _, version := range []string{"1.0.0", "2.0.0"} {
		if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: version, Canary: version}); err != nil {
			return drill.Result{}, err
		}
	}
	cached, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := take(ctx, s.Site, as, name, "2.0.0")
	switch {
	case errors.Is(err, visit.ErrNotSpoken):
		return drill.Result{}, drill.Needs("a repository that lets an owner %s a release", what)
	case err != nil:
		return drill.Result{}, err
	case !a.Taken():
		return drill.Result{}, fmt.Errorf("to %s a release of a minute ago, which is honest: %s", what, a)
	}
	now, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	if r := now.Release("2.0.0"); r != nil && !r.Yanked {
		return drill.Harmed("the repository itself goes on offering the release that its owner tried to %s", what)
	}
	if fresh := cached.Index.Fresh(); cached.Index.Storable(false) && fresh > patience {
		return drill.Harmed("every cache may offer the bad release for another %s without asking", fresh)
	}
	return drill.Stopped("caches have to ask again within %s, and hear of it", cached.Index.Fresh())
}
