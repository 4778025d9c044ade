// Package secretinpackage publishes access tokens by mistake, and harvests them.
package secretinpackage

import (
	"bytes"
	"context"
	"fmt"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat with tokens of the repository itself. Its owner packs
// one; whoever looks through new releases finds it and tries it.
var Attacks = []drill.Attack{
	attack("a token in a settings file", harvested(func(token []byte) ([]visit.Member, error) {
		return []visit.Member{{Name: "package/.env", Body: joined("TOKEN=", token)}}, nil
	})),
	attack("... among the bytes of a compiled file", harvested(func(token []byte) ([]visit.Member, error) {
		return []visit.Member{{Name: "package/cache.bin", Body: bytes.Join([][]byte{{0, 1, 2, 255}, token, {0, 200, 7}}, nil)}}, nil
	})),
	attack("... after a megabyte of nothing", harvested(func(token []byte) ([]visit.Member, error) {
		return []visit.Member{{Name: "package/log.txt", Body: joined(string(bytes.Repeat([]byte("."), 1<<20-3)), token)}}, nil
	})),
	attack("... in an archive inside the archive", harvested(func(token []byte) ([]visit.Member, error) {
		inner, err := visit.TarGz(visit.Member{Name: "secrets/key", Body: token})
		return []visit.Member{{Name: "package/backup.tgz", Body: inner}}, err
	})),
	attack("... in the description", described),
	attack("... where no search looks, and somebody reports it", hidden),
}

func attack(name string, play func(context.Context, *drill.Scene) (drill.Result, error)) drill.Attack {
	return drill.Attack{Name: name, Accounts: true, Play: play}
}

func joined(text string, token []byte) []byte { return append([]byte(text), token...) }

func harvested(pack func(token []byte) ([]visit.Member, error)) func(context.Context, *drill.Scene) (drill.Result, error) {
	return func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		h, err := careless(ctx, s)
		if err != nil {
			return drill.Result{}, err
		}
		if h.up.Members, err = pack([]byte(h.token)); err != nil {
			return drill.Result{}, err
		}
		return h.tried(ctx, s)
	}
}

func described(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	h, err := careless(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	h.up.Inside.Description = "log in with " + string(h.token)
	return h.tried(ctx, s)
}

// hidden is turned around, as a program might keep it; somebody sees it all the
// same, and says so.
func hidden(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	h, err := careless(ctx, s)
	if err != nil {
		return drill.Result{}, err
	}
	turned := []byte(h.token)
	for i, j := 0, len(turned)-1; i < j; i, j = i+1, j-1 {
		turned[i], turned[j] = turned[j], turned[i]
	}
	h.up.Members = []visit.Member{{Name: "package/table.bin", Body: turned}}
	if err := s.Publish(ctx, drill.Owner, h.up); err != nil {
		return drill.Result{}, err
	}
	a, err := s.Report(ctx, h.token, "https://mirror.example/"+h.up.Name)
	if err != nil {
		return drill.Result{}, err
	}
	r, err := h.used(ctx, s)
	if err == nil && r.Harm == "" {
		r.Stopped += fmt.Sprintf(" [token-leak-reports], after the report was answered %s", a)
	}
	return r, err
}

// harvest is a token of an owner, and the release that will hold it.
type harvest struct {
	name  string // of the package that the token opens
	token visit.Credential
	up    visit.Upload
}

func careless(ctx context.Context, s *drill.Scene) (h harvest, err error) {
	h.name = s.Name("opened")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: h.name, Version: "1.0.0", Canary: "owner"}); err != nil {
		return h, err
	}
	h.up = visit.Upload{Name: s.Name("careless"), Version: "1.0.0", Canary: "owner"}
	h.token, err = s.Token(ctx, drill.Owner, "publish:"+s.Site.Dialect.ID()+"/"+h.name)
	return h, err
}

// tried publishes what holds the token, and then uses it.
func (h harvest) tried(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	a, err := s.Attempt(ctx, drill.Owner, h.up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, h.up.Name, h.up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	r, err := h.used(ctx, s)
	if err != nil || r.Harm != "" {
		return r, err
	}
	if len(got) > 0 {
		return drill.Harmed("everybody who installs %s gets a secret of its owner", h.up.Name)
	}
	return drill.Stopped("%s", a)
}

func (h harvest) used(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return s.Reach(ctx, h.token, visit.Upload{Name: h.name, Version: "1.1.0", Canary: "thief"}, "a token that its owner had published")
}
