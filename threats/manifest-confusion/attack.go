// Package manifestconfusion publishes releases whose request says something
// else than the artifact inside it.
package manifestconfusion

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a dependency that the request does not tell", Kinds: []string{"npm", "pypi", "cargo"}, Play: dependency},
	{Name: "an install script that the request does not tell", Kinds: []string{"npm"}, Play: script},
	{Name: "another version inside", Kinds: []string{"npm", "pypi", "cargo"}, Play: version},
	{Name: "another package's name inside", Kinds: []string{"npm", "pypi", "cargo"}, Play: name},
	{Name: "two manifests, the first one harmless", Kinds: []string{"npm", "pypi"}, Play: twice},
}

const hidden = "drill-hidden-dependency"

// wanting is a manifest that needs the hidden dependency.
func wanting(kind string) visit.Manifest {
	span := map[string]string{"npm": "^1.0.0", "pypi": ">=1.0", "cargo": "^1.0.0"}[kind]
	return visit.Manifest{Dependencies: map[string]string{hidden: span}}
}

func dependency(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("confused"), Version: "1.0.0", Inside: wanting(s.Site.Dialect.ID()), Claimed: &visit.Manifest{}}
	return played(ctx, s, up, "the dependency on "+hidden, func(m visit.Manifest) bool { return m.Dependencies[hidden] != "" })
}

func script(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("confused"), Version: "1.0.0", Inside: visit.Manifest{Script: "echo drill"}, Claimed: &visit.Manifest{}}
	return played(ctx, s, up, "the install script", func(m visit.Manifest) bool { return m.Script != "" })
}

// played publishes and compares what was asked for, what the index tells and
// what installers get.
func played(ctx context.Context, s *drill.Scene, up visit.Upload, what string, told func(visit.Manifest) bool) (drill.Result, error) {
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, up.Name, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Stopped("%s", a)
	}
	p, err := s.Site.Package(ctx, up.Name)
	if err != nil {
		return drill.Result{}, err
	}
	if r := p.Release(up.Version); r != nil && told(r.Manifest) {
		return drill.Harmed("%s was published by a request that hid it: whoever looks at requests let through something else than is installed", what)
	}
	return drill.Harmed("the index does not tell of %s, and the archive brings it to whoever installs", what)
}

func version(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const inside = "9.9.9"
	up := visit.Upload{Name: s.Name("confused"), Version: "1.0.0", Inside: visit.Manifest{Version: inside}, Claimed: &visit.Manifest{}}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	for _, v := range []string{up.Version, inside} {
		got, err := s.Install(ctx, up.Name, v)
		if err != nil {
			return drill.Result{}, err
		}
		if len(got) > 0 {
			return drill.Harmed("asked to publish 1.0.0, the repository serves as %s what calls itself %s", v, inside)
		}
	}
	return drill.Stopped("%s", a)
}

// name lets a stranger publish under a name of his own what says that it is
// somebody else's.
func name(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	theirs, mine := s.Name("theirs"), s.Name("mine")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: theirs, Version: "1.0.0", Canary: "owner"}); err != nil {
		return drill.Result{}, err
	}
	up := visit.Upload{Name: mine, Version: "1.1.0", Canary: "stranger", Inside: visit.Manifest{Name: theirs}, Claimed: &visit.Manifest{}}
	a, err := s.Attempt(ctx, drill.Stranger, up)
	if err != nil {
		return drill.Result{}, err
	}
	for _, n := range []string{theirs, mine} {
		got, err := s.Install(ctx, n, "1.1.0")
		if err != nil {
			return drill.Result{}, err
		}
		if len(got) > 0 {
			return drill.Harmed("%s 1.1.0 is a stranger's, and calls itself %s when it is unpacked", n, theirs)
		}
	}
	return drill.Stopped("%s", a)
}

// twice puts a second manifest behind the first. Unpacked, the second stands on
// the disk; whoever reads the archive from its start sees the first.
func twice(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("confused")
	at, text, err := second(s.Site.Dialect.ID(), name)
	if err != nil {
		return drill.Result{}, err
	}
	up := visit.Upload{Name: name, Version: "1.0.0", Form: "wheel", Members: []visit.Member{{Name: at, Body: text}}}
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	for _, g := range got {
		n, err := count(g.Body, at)
		if err != nil {
			return drill.Result{}, err
		}
		if n > 1 {
			return drill.Harmed("%s is there %d times in %s: some readers see no dependency, others %s", at, n, g.Name, hidden)
		}
	}
	return drill.Stopped("%s", a)
}

// second is a manifest with the hidden dependency, and where it stands.
func second(kind, name string) (at string, text []byte, err error) {
	m := wanting(kind)
	if kind == "npm" {
		text, err = json.Marshal(map[string]any{"name": name, "version": "1.0.0", "dependencies": m.Dependencies})
		return "package/package.json", text, err
	}
	at = strings.ReplaceAll(name, "-", "_") + "-1.0.0.dist-info/METADATA"
	return at, fmt.Appendf(nil, "Metadata-Version: 2.1\nName: %s\nVersion: 1.0.0\nRequires-Dist: %s%s\n", name, hidden, m.Dependencies[hidden]), nil
}

func count(archive []byte, name string) (n int, err error) {
	members, err := drill.Unpack(archive)
	if err != nil {
		return 0, errors.Join(errors.New("looking into what was published"), err)
	}
	for _, m := range members {
		if m.Name == name {
			n++
		}
	}
	return n, nil
}
