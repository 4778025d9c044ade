// Package archivepathtraversal publishes archives that write outside the folder
// they are unpacked in.
package archivepathtraversal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. Container layers are left out: they are unpacked at
// the root of a file system on purpose.
var Attacks = []drill.Attack{
	{Name: "a path that climbs out", Kinds: kinds(), Play: hostile("", outside("ROOT/../../../drill-canary"))},
	{Name: "an absolute path", Kinds: kinds(), Play: hostile("", outside("/tmp/drill-canary"))},
	{Name: "a path with a drive and backslashes", Kinds: kinds(), Play: hostile("", outside(`C:\drill\canary`))},
	{Name: "a link out, and a file through it", Kinds: kinds(), Play: hostile("sdist",
		visit.Member{Name: "ROOT/link", Kind: visit.Symlink, Link: "../../.."}, outside("ROOT/link/drill-canary"))},
	{Name: "a hard link to a file outside", Kinds: kinds(), Play: hostile("sdist",
		visit.Member{Name: "ROOT/hard", Kind: visit.Hardlink, Link: "../../../etc/hostname"})},
}

func kinds() []string { return []string{"npm", "pypi", "cargo"} }

func outside(path string) visit.Member {
	return visit.Member{Name: path, Body: []byte("inert\n")}
}

// root is the folder in which an archive of the dialect holds everything.
func root(kind, form, name string) string {
	switch {
	case kind == "npm":
		return "package"
	case kind == "cargo":
		return name + "-1.0.0"
	case form == "sdist":
		return strings.ReplaceAll(name, "-", "_") + "-1.0.0"
	}
	return "drill_canary"
}

// hostile publishes an archive with members that no honest archive has. A form
// picks the kind of file where the usual one knows no links.
func hostile(form string, members ...visit.Member) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		name := s.Name("climber")
		up := visit.Upload{Name: name, Version: "1.0.0", Form: form}
		for _, m := range members {
			m.Name = strings.Replace(m.Name, "ROOT", root(s.Site.Dialect.ID(), form, name), 1)
			up.Members = append(up.Members, m)
		}
		a, err := s.Attempt(ctx, drill.Owner, up)
		if err != nil {
			return drill.Result{}, err
		}
		got, err := s.Install(ctx, name, "1.0.0")
		if err != nil {
			return drill.Result{}, err
		}
		for _, g := range got {
			inside, err := drill.Unpack(g.Body)
			if err != nil {
				return drill.Result{}, fmt.Errorf("looking into what was published: %w", err)
			}
			last := up.Members[len(up.Members)-1]
			if slices.ContainsFunc(inside, func(m visit.Member) bool { return m.Name == last.Name }) {
				return drill.Harmed("a careless unpacker of %s writes outside of its folder: %s %s", g.Name, last.Name, last.Link)
			}
		}
		return drill.Stopped("%s", a)
	}
}
