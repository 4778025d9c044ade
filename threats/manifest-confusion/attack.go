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
	{Name: "a dependency that the request does not tell", Kinds: []string{"npm", "pypi", "cargo"}, Play: silent},
	{Name: "another dependency than the request tells", Kinds: []string{"npm", "pypi", "cargo"}, Play: other},
	{Name: "an install script that the request does not tell", Kinds: []string{"npm"}, Play: script},
	{Name: "another version inside", Kinds: []string{"npm", "pypi", "cargo"}, Play: version},
	{Name: "another package's name inside", Kinds: []string{"npm", "pypi", "cargo"}, Play: name},
	{Name: "two manifests, the first one harmless", Kinds: []string{"npm", "pypi"}, Play: twice},
}

const (
	hidden = "drill-hidden-dependency"
	shown  = "drill-shown-dependency"
)

// wanting is a manifest that needs a package.
func wanting(kind, name string) visit.Manifest {
	span := map[string]string{"npm": "^1.0.0", "pypi": ">=1.0", "cargo": "^1.0.0"}[kind]
	return visit.Manifest{Dependencies: map[string]string{name: span}}
}

func silent(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("confused"), Version: "1.0.0", Inside: wanting(s.Site.Dialect.ID(), hidden), Claimed: &visit.Manifest{}}
	r, a, err := served(ctx, s, up)
	if err != nil || r == nil {
		return stopped(a, err)
	}
	return judged(r.Manifest.Dependencies[hidden] != "", "the dependency on "+hidden)
}

func script(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("confused"), Version: "1.0.0", Inside: visit.Manifest{Script: "echo drill"}, Claimed: &visit.Manifest{}}
	r, a, err := served(ctx, s, up)
	if err != nil || r == nil {
		return stopped(a, err)
	}
	return judged(r.Scripts || r.Manifest.Script != "", "the install script")
}

// other makes the request contradict the archive. Even where the index then
// tells the truth there is harm: whoever looks at requests, a gateway or a
// second person who approves, has let through something else.
func other(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	kind := s.Site.Dialect.ID()
	claimed := wanting(kind, shown)
	up := visit.Upload{Name: s.Name("confused"), Version: "1.0.0", Inside: wanting(kind, hidden), Claimed: &claimed}
	r, a, err := served(ctx, s, up)
	if err != nil || r == nil {
		return stopped(a, err)
	}
	if r.Manifest.Dependencies[hidden] != "" {
		return drill.Harmed("the request said %s and installers get %s: whoever approved the request approved something else", shown, hidden)
	}
	return judged(false, "the dependency on "+hidden)
}

// served publishes, and returns what the index tells of what installers get;
// nil when they get nothing.
func served(ctx context.Context, s *drill.Scene, up visit.Upload) (*visit.Release, visit.Answer, error) {
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return nil, a, err
	}
	got, err := s.Install(ctx, up.Name, up.Version)
	if err != nil || len(got) == 0 {
		return nil, a, err
	}
	p, err := s.Site.Package(ctx, up.Name)
	if err != nil {
		return nil, a, err
	}
	return p.Release(up.Version), a, nil
}

func stopped(a visit.Answer, err error) (drill.Result, error) {
	if err != nil {
		return drill.Result{}, err
	}
	return drill.Stopped("%s", a)
}

func judged(told bool, what string) (drill.Result, error) {
	if told {
		return drill.Stopped("the index tells of %s, because it is made from the archive and not from the request", what)
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
	m := wanting(kind, hidden)
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
