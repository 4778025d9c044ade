// Package registryingestrce feeds the intake what breaks careless readers.
// Nothing in it does anything.
package registryingestrce

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "bytes that are no archive", Play: broken(func([]byte) []byte { return []byte("no archive at all") })},
	{Name: "an archive that ends in the middle", Play: broken(func(b []byte) []byte { return b[:len(b)/2] })},
	{Name: "an archive with garbage in the middle", Play: broken(garbage)},
	{Name: "no bytes at all", Play: broken(func([]byte) []byte { return nil })},
	{Name: "a manifest as deep as ten thousand brackets", Kinds: []string{"npm"}, Play: deep},
	{Name: "options and addresses in place of names", Play: options},
}

func garbage(b []byte) []byte {
	b = bytes.Clone(b)
	for i := len(b) / 3; i < len(b)*2/3; i++ {
		b[i] = byte(i * 7)
	}
	return b
}

func broken(mangle func([]byte) []byte) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		return feed(ctx, s, visit.Upload{Name: s.Name("fed"), Version: "1.0.0", Mangle: mangle})
	}
}

// feed sends it, and then something honest. The harm is an error of the
// server's own, or that it takes nothing any more. To store what nobody can
// unpack is another threat's harm: archive-parser-differential.
func feed(ctx context.Context, s *drill.Scene, up visit.Upload) (drill.Result, error) {
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	if a.Status >= 500 {
		return drill.Harmed("the intake breaks on it (%d): what breaks can often be steered", a.Status)
	}
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: s.Name("honest"), Version: "1.0.0"}); err != nil {
		return drill.Harmed("the repository takes nothing any more: %v", err)
	}
	if a.Taken() {
		return drill.Stopped("it is stored as it is, and the repository goes on: %s", a)
	}
	return drill.Stopped("%s", a)
}

func deep(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("fed")
	const depth = 10_000
	body := fmt.Sprintf(`{"_id":%q,"name":%q,"versions":%s1%s}`, name, name, strings.Repeat("[", depth), strings.Repeat("]", depth))
	as, err := s.Credential(ctx, drill.Owner)
	if err != nil {
		return drill.Result{}, err
	}
	res, err := s.Site.Web.Do(ctx, visit.Request{Method: "PUT", URL: s.Site.Root + name, Body: []byte(body),
		Header: map[string]string{"Content-Type": "application/json", "Authorization": as.Bearer()}})
	if err != nil {
		return drill.Result{}, err
	}
	if res.Status >= 500 {
		return drill.Harmed("the intake breaks on it (%d): what breaks can often be steered", res.Status)
	}
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: s.Name("honest"), Version: "1.0.0"}); err != nil {
		return drill.Harmed("the repository takes nothing any more: %v", err)
	}
	return drill.Stopped("%d: %s", res.Status, visit.Plain(res))
}

// options are values that a careless intake hands to a program or follows as an
// address. None may be taken for a name.
func options(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	var last visit.Answer
	for _, name := range []string{"--upload-pack=drill", "-oProxyCommand=drill", "$(drill)", "http://127.0.0.1:1/" + s.Name("x"), "a;drill", "..", ".git"} {
		a, err := s.Attempt(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0"})
		if err != nil {
			return drill.Result{}, err
		}
		if a.Status >= 500 {
			return drill.Harmed("the intake breaks on the name %q (%d): what breaks can often be steered", name, a.Status)
		}
		if a.Taken() {
			return drill.Harmed("%q is published as a name: the next program that is handed it takes it for an option or an address", name)
		}
		last = a
	}
	return drill.Stopped("%s", last)
}
