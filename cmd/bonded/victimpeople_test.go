package main

import (
	"net/url"
	"strings"
	"testing"

	visitors "bonded.dev/prove/visit/all"

	"bonded.dev/prove/drill"
)

// TestPersonsComeThroughThePages: what a drill calls a person is somebody whom
// the real pages let in, with either kit, and let in again.
func TestPersonsComeThroughThePages(t *testing.T) {
	ctx := t.Context()
	v, err := startVictim(ctx, nil, visitors.Dialects())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	for actor, kit := range map[string]drill.Kit{drill.Owner: drill.Passkey, drill.Stranger: drill.Codes, drill.Admin: drill.Passkey} {
		p, err := v.Person(ctx, actor, kit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Recovery) != 10 || (kit == drill.Codes) != (p.App() != "") {
			t.Errorf("%s has the kit %+v", actor, p)
		}
		page, err := p.Get(ctx, "/account")
		if err != nil || page.Status != 200 || !strings.Contains(page.Body, actor) {
			t.Errorf("%s is not in: %v %v", actor, page.Text(), err)
		}
		if _, err := want(p.Post(ctx, "/signout", nil)); err != nil {
			t.Error(err)
		}
		if _, err := v.Person(ctx, actor, kit); err != nil {
			t.Errorf("%s comes back: %v", actor, err)
		}
	}
	owner, err := v.Person(ctx, drill.Owner, drill.Passkey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := want(owner.Open(ctx, "/account/confirm?next=/account/tokens/new", "/account/confirm", nil)); err != nil {
		t.Fatal(err)
	}
	page, err := want(owner.Open(ctx, "/account/tokens/new", "/account/tokens/new", url.Values{"pattern": {"*"}, "actions": {"publish"}}))
	if err != nil || !strings.Contains(page.Body, "bnd_") {
		t.Errorf("no token: %s %v", page.Text(), err)
	}
}
