// Package terminalescape puts control sequences where a client prints what a
// publisher wrote. They ask a terminal for nothing that would do harm.
package terminalescape

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "an escape sequence in a description", Kinds: texts(), Play: described("\x1b[2Kverified")},
	{Name: "a C1 control character in a description", Kinds: texts(), Play: described("\u009b2Kverified")},
	{Name: "a carriage return in a description", Kinds: []string{"npm", "cargo"}, Play: described("bad\rverified")},
	{Name: "an escape sequence in the name of a dependency", Kinds: texts(), Play: dependency},
	{Name: "an escape sequence in a version", Play: versioned},
	{Name: "an escape sequence in the name of a tag", Kinds: []string{"npm"}, Play: tagged},
	{Name: "an escape sequence in a request that is refused", Play: refused},
}

func texts() []string { return []string{"npm", "pypi", "cargo"} }

const escape = "\x1b[2K"

// raw finds what a terminal would obey.
func raw(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' })
}

func described(text string) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		up := visit.Upload{Name: s.Name("prints"), Version: "1.0.0", Inside: visit.Manifest{Description: text}}
		return printed(ctx, s, up, func(r visit.Release) string { return r.Manifest.Description })
	}
}

func dependency(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("prints"), Version: "1.0.0",
		Inside: visit.Manifest{Dependencies: map[string]string{"drill" + escape: ""}}}
	return printed(ctx, s, up, func(r visit.Release) string { return fmt.Sprint(r.Manifest.Dependencies) })
}

func versioned(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("prints"), Version: "1.0.0" + escape}
	return printed(ctx, s, up, func(r visit.Release) string { return r.Version })
}

// printed publishes, and looks at what a client would print of the package.
func printed(ctx context.Context, s *drill.Scene, up visit.Upload, shown func(visit.Release) string) (drill.Result, error) {
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, up.Name)
	if errors.Is(err, visit.ErrNone) {
		return drill.Stopped("%s", a)
	}
	if err != nil {
		return drill.Result{}, err
	}
	for _, r := range p.Releases {
		if text := shown(r); raw(text) {
			return drill.Harmed("a client that prints %s as it stands lets its publisher write over the terminal: %+q", up.Name, text)
		}
	}
	return drill.Stopped("nothing of it is shown: %s", a)
}

func tagged(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("prints")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0"}); err != nil {
		return drill.Result{}, err
	}
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Tag(ctx, s.Site, as, name, "next"+escape, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	p, err := s.Site.Package(ctx, name)
	if err != nil {
		return drill.Result{}, err
	}
	for tag := range p.Tags {
		if raw(tag) {
			return drill.Harmed("a client that lists the tags of %s lets its publisher write over the terminal: %+q", name, tag)
		}
	}
	return drill.Stopped("%s", a)
}

// refused looks at errors: they are printed too, and often repeat what was
// asked for.
func refused(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const asked = "drill%1B%5B2K"
	res, err := s.Site.Web.Get(ctx, s.Site.Root+asked, "application/json")
	if err != nil {
		return drill.Result{}, err
	}
	if bytes.Contains(res.Body, []byte{0x1b}) || strings.Contains(res.Reason, "\x1b") || escapedJSON(res) {
		return drill.Harmed("the answer to a hostile link writes over the terminal of whoever follows it: %+q", res.Body)
	}
	return drill.Stopped("%d, and the answer repeats nothing that a terminal obeys", res.Status)
}

// escapedJSON finds the character as JSON spells it: a client undoes that.
func escapedJSON(res visit.Response) bool {
	return strings.Contains(res.Header.Get("Content-Type"), "json") && bytes.Contains(bytes.ToLower(res.Body), []byte(`\u001b`))
}
