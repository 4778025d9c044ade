// Package tufextraneousdependencies makes a client fetch what the package never
// asked for.
package tufextraneousdependencies

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "somebody on the path puts another dependency into the index", Kinds: []string{"npm", "pypi", "cargo"}, Play: onPath},
	{Name: "a publisher's request names a dependency that the archive has not", Kinds: []string{"npm", "pypi", "cargo"}, Play: claimed},
}

func span(s *drill.Scene) string {
	if s.Site.Dialect.ID() == "pypi" {
		return ">=1.0"
	}
	return "^1.0.0"
}

func onPath(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, good := s.Name("needs"), s.Name("good")
	// As long as the other, so that no length gives it away.
	evil := strings.Replace(good, "good", "evil", 1)
	up := visit.Upload{Name: name, Version: "1.0.0", Inside: visit.Manifest{Dependencies: map[string]string{good: span(s)}}}
	if err := s.Publish(ctx, drill.Owner, up); err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	r := p.Release("1.0.0")
	if r == nil {
		return drill.Result{}, errors.New("what was published is not listed")
	}
	if r.Manifest.Dependencies[good] == "" {
		return drill.Result{}, drill.Needs("an index that tells dependencies")
	}
	pairs, err := agree(ctx, s, r, good, evil)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Deceive(ctx, drill.Rewrite(pairs...), func(ctx context.Context, seen *visit.Site) (string, error) {
		p, err := seen.Package(ctx, name)
		if err != nil {
			return "", err
		}
		if r := p.Release("1.0.0"); r == nil || r.Manifest.Dependencies[evil] == "" {
			return "", nil
		}
		return "whoever installs " + name + " fetches " + evil + " too, which it never asked for", nil
	})
}

// agree replaces one name by another, and the digests of documents that hold it.
func agree(ctx context.Context, s *drill.Scene, r *visit.Release, good, evil string) ([]string, error) {
	pairs := []string{good, evil}
	for _, f := range r.Files {
		if f.Metadata == "" {
			continue
		}
		res, err := s.Site.Web.Get(ctx, f.Metadata, "")
		if err != nil {
			return nil, err
		}
		was, now := sha256.Sum256(res.Body), sha256.Sum256([]byte(strings.ReplaceAll(string(res.Body), good, evil)))
		pairs = append(pairs, hex.EncodeToString(was[:]), hex.EncodeToString(now[:]))
	}
	return pairs, nil
}

func claimed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name, extra := s.Name("bare"), s.Name("extra")
	up := visit.Upload{Name: name, Version: "1.0.0", Claimed: &visit.Manifest{Dependencies: map[string]string{extra: span(s)}}}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil && !errors.Is(err, visit.ErrNone) {
		return drill.Result{}, err
	}
	if err != nil || p.Release("1.0.0") == nil {
		return drill.Stopped("%s", a)
	}
	if p.Release("1.0.0").Manifest.Dependencies[extra] != "" {
		return drill.Harmed("whoever installs %s fetches %s too, of which its archive says nothing", name, extra)
	}
	return drill.Stopped("the index tells what the archive says, and not what the request did")
}
