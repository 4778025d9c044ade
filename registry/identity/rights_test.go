package identity

import (
	"context"
	"errors"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

func (b *bench) write(do func(tx *record.Tx) error) {
	b.t.Helper()
	if err := b.book.Update(b.t.Context(), do); err != nil {
		b.t.Fatal(err)
	}
}

// town has an organisation acme with an owner, a member, a team of one and a
// namespace, and packages that it has rights on.
func town(t *testing.T) (b *bench, names map[string]bonded.Name) {
	b = newBench(t)
	for _, u := range []string{"alice", "orla", "mia", "tim", "zoe"} {
		b.user(u)
	}
	names = map[string]bonded.Name{}
	for _, k := range []string{"left-pad", "acme-taken", "acme-new", "free"} {
		names[k] = bonded.Name{Ecosystem: "npm", Key: k, Display: k}
	}
	b.write(func(tx *record.Tx) error {
		return errors.Join(tx.AddOrg(record.Org{Name: "acme", Created: noon}),
			tx.PutMember(record.Member{Org: "acme", User: "orla", Role: "owner", Since: noon}),
			tx.PutMember(record.Member{Org: "acme", User: "mia", Role: "member", Since: noon}),
			tx.PutMember(record.Member{Org: "acme", User: "tim", Role: "member", Since: noon}),
			tx.AddTeam("acme", "release"), tx.AddToTeam("acme", "release", "tim", noon),
			tx.AddNamespace("npm", "acme-*", "acme"),
			tx.Claim(names["left-pad"], 1), tx.SetGrant(names["left-pad"], "alice", []string{"publish"}, noon),
			tx.SetGrant(names["left-pad"], "@acme", []string{"people", "settings"}, noon), tx.SetGrant(names["left-pad"], "@acme/release", []string{"settings"}, noon),
			tx.Claim(names["acme-taken"], 2), tx.SetGrant(names["acme-taken"], "zoe", []string{"publish", "people", "settings"}, noon))
	})
	b.Proofs = func(context.Context, string, string, bonded.Action, bonded.Name) error { return nil }
	return b, names
}

// TestRightsByEveryWay asks for each action as a token and as a session of
// everybody who has a right in some way.
func TestRightsByEveryWay(t *testing.T) {
	b, names := town(t)
	writes := []bonded.Action{bonded.ActPublish, bonded.ActTag, bonded.ActYank, bonded.ActDelete}
	all := append(writes, bonded.ActOwner, bonded.ActPolicy)
	for _, c := range []struct {
		user, name string
		may        []bonded.Action
		why        string // of what may not be done
	}{
		{"alice", "left-pad", writes, "alice has the rights publish on npm/left-pad and so may not"},
		{"orla", "left-pad", []bonded.Action{bonded.ActOwner, bonded.ActPolicy}, "orla has the rights people settings on npm/left-pad"},
		{"tim", "left-pad", []bonded.Action{bonded.ActPolicy}, "somebody who has the right people can give the right"},
		{"mia", "left-pad", nil, "mia is not an owner of npm/left-pad"},
		{"zoe", "left-pad", nil, "zoe is not an owner of npm/left-pad"},
		{"zoe", "acme-taken", all, ""}, // a namespace takes nobody's away
		{"orla", "acme-taken", nil, "orla is not an owner of npm/acme-taken"},
		{"orla", "acme-new", []bonded.Action{bonded.ActPublish, bonded.ActTag}, "nobody has published"},
		{"mia", "acme-new", []bonded.Action{bonded.ActPublish, bonded.ActTag}, "nobody has published"},
		{"zoe", "free", []bonded.Action{bonded.ActPublish, bonded.ActTag}, "nobody has published"},
	} {
		token := b.caller(c.user, "read,publish,tag,yank,delete,owner,policy:*")
		for _, action := range all {
			for what, err := range map[string]error{
				"token":   token.May(t.Context(), action, names[c.name]),
				"session": b.Person(c.user, true).May(t.Context(), action, names[c.name]),
			} {
				good := false
				for _, a := range c.may {
					good = good || a == action
				}
				if good && err != nil {
					t.Errorf("%s of %s, %s %s: %v", what, c.user, action, c.name, err)
				}
				if !good {
					refused(t, what+" of "+c.user+", "+string(action)+" "+c.name, err, bonded.Forbidden, c.why)
				}
			}
		}
	}
	const belongs = "the names npm/acme-* belong to the organisation @acme, and zoe is not in it"
	refused(t, "a namespace", b.caller("zoe", "publish:*").May(t.Context(), bonded.ActPublish, names["acme-new"]), bonded.Forbidden, belongs)
	refused(t, "a namespace", b.Person("zoe", true).May(t.Context(), bonded.ActPublish, names["acme-new"]), bonded.Forbidden, "[roles]")
	for _, c := range []struct{ user, name, heir string }{{"mia", "acme-new", "@acme"}, {"mia", "free", "mia"}, {"zoe", "free", "zoe"}} {
		byToken, err := b.caller(c.user, "publish:*").Heir(t.Context(), names[c.name])
		onPage, err2 := b.Person(c.user, false).Heir(t.Context(), names[c.name])
		if byToken != c.heir || onPage != c.heir || err != nil || err2 != nil {
			t.Errorf("%s by %s goes to %q and %q, want %q: %v, %v", c.name, c.user, byToken, onPage, c.heir, err, err2)
		}
	}
}

// TestRightsEndAtOnce: what is taken away is gone for tokens that are held, and
// for sessions.
func TestRightsEndAtOnce(t *testing.T) {
	b, names := town(t)
	token, session := b.caller("tim", "policy,publish:*"), b.Person("tim", true)
	may := func(what string, good bool, action bonded.Action, name bonded.Name) {
		t.Helper()
		for who, err := range map[string]error{"token": token.May(t.Context(), action, name), "session": session.May(t.Context(), action, name)} {
			if (err == nil) != good {
				t.Errorf("%s, %s: %v", what, who, err)
			}
		}
	}
	may("in the team", true, bonded.ActPolicy, names["left-pad"])
	may("in the organisation", true, bonded.ActPublish, names["acme-new"])
	b.write(func(tx *record.Tx) error {
		_, err := tx.RemoveMember("acme", "tim")
		return err
	})
	may("out of it", false, bonded.ActPolicy, names["left-pad"])
	may("out of it", false, bonded.ActPublish, names["acme-new"])
	may("out of it", true, bonded.ActPublish, names["free"])
	if err := b.DisableUser(t.Context(), "tim"); err != nil {
		t.Fatal(err)
	}
	may("closed", false, bonded.ActPublish, names["free"])
	refused(t, "closed", session.May(t.Context(), bonded.ActPublish, names["free"]), bonded.Unauthorized, "the account tim is closed, or frozen")
	refused(t, "nobody", b.Person("nobody", true).May(t.Context(), bonded.ActPublish, names["free"]), bonded.Unauthorized, "the account nobody is closed")
}

func TestTrustedPublishers(t *testing.T) {
	b, names := town(t)
	far := noon.Add(24 * time.Hour)
	b.write(func(tx *record.Tx) error {
		return errors.Join(
			tx.AddPublisher(record.Publisher{ID: "own", Package: names["left-pad"], Creator: "orla", Created: noon}),
			tx.AddPublisher(record.Publisher{ID: "new", Package: names["free"], Creator: "zoe", Created: noon, Expires: far}),
			tx.AddPublisher(record.Publisher{ID: "ours", Package: names["acme-new"], Creator: "mia", Created: noon, Expires: far}),
			tx.AddPublisher(record.Publisher{ID: "theirs", Package: names["acme-new"], Creator: "zoe", Created: noon, Expires: far}),
			tx.AddPublisher(record.Publisher{ID: "late", Package: names["left-pad"], Creator: "zoe", Created: noon, Expires: far}))
	})
	job := func(ids ...string) *Caller {
		t.Helper()
		secret, _, err := b.MakeToken(t.Context(), "", Limits{Scopes: scopes(t, "publish,tag:npm/*"), Publishers: ids}, OriginPublisher, "publisher:"+ids[0])
		if err != nil {
			t.Fatal(err)
		}
		return b.asks(secret, office)
	}
	own := job("own", "new")
	if own.User() != "" || own.Name() != "publisher:own new" {
		t.Errorf("%q is %q", own.User(), own.Name())
	}
	may := func(c *Caller, name, why string) {
		t.Helper()
		err := c.May(t.Context(), bonded.ActPublish, names[name])
		if why == "" && err != nil {
			t.Errorf("%s, %s: %v", c.Name(), name, err)
		}
		if why != "" {
			refused(t, c.Name()+", "+name, err, bonded.Forbidden, why)
		}
	}
	may(own, "left-pad", "")
	may(own, "free", "")
	may(own, "acme-new", "the trusted publisher of this token is none of npm/acme-new, or was removed")
	may(job("ours"), "acme-new", "")
	may(job("theirs"), "acme-new", "belong to the organisation @acme, and zoe is not in it")
	may(job("late"), "left-pad", "somebody else took the name npm/left-pad before")
	for _, action := range []bonded.Action{bonded.ActOwner, bonded.ActPolicy, bonded.ActDelete, bonded.ActYank} {
		if err := own.May(t.Context(), action, names["left-pad"]); err == nil {
			t.Errorf("a job may %s", action)
		}
	}
	if _, err := b.relation(t.Context(), "", "own", bonded.ActPolicy, names["left-pad"]); err == nil {
		t.Error("a job may decide how its package is published")
	}
	for _, c := range []struct {
		who        *Caller
		name, heir string
	}{{own, "free", "zoe"}, {job("ours"), "acme-new", "@acme"}} {
		if heir, err := c.who.Heir(t.Context(), names[c.name]); err != nil || heir != c.heir {
			t.Errorf("%s goes to %q, want %q: %v", c.name, heir, c.heir, err)
		}
	}
	// Somebody else takes the name: what waited for it is void.
	b.owns(names["free"], 9, "alice")
	may(own, "free", "somebody else took the name npm/free")
	b.write(func(tx *record.Tx) error { return tx.RemovePublisher("own") })
	may(own, "left-pad", "or was removed")
	if _, err := own.Heir(t.Context(), names["left-pad"]); err == nil {
		t.Error("a publisher that was removed has an heir")
	}
	// A pending one ends, and with its maker.
	if err := b.DisableUser(t.Context(), "mia"); err != nil {
		t.Fatal(err)
	}
	may(job("ours"), "acme-new", "the account that made the trusted publisher for the name npm/acme-new is closed or frozen")
	b.later(24 * time.Hour)
	may(job("ours"), "acme-new", "ended on 2026-03-02")
}

func TestTrustedOnly(t *testing.T) {
	b, names := town(t)
	name := names["left-pad"]
	b.write(func(tx *record.Tx) error {
		return errors.Join(tx.SetPolicy(name, record.Policy{TrustedOnly: true}),
			tx.AddPublisher(record.Publisher{ID: "own", Package: name, Creator: "orla", Created: noon}))
	})
	token := b.caller("alice", "publish,tag,yank:*")
	refused(t, "a token", token.May(t.Context(), bonded.ActPublish, name), bonded.Forbidden, "published by its trusted publishers alone, and this is a token of alice")
	refused(t, "a token", token.May(t.Context(), bonded.ActPublish, name), bonded.Forbidden, "[trusted-publishing-only]")
	refused(t, "a token", token.May(t.Context(), bonded.ActTag, name), bonded.Forbidden, "[trusted-publishing-only]")
	if err := token.May(t.Context(), bonded.ActYank, name); err != nil {
		t.Error(err)
	}
	refused(t, "a session", b.Person("alice", false).May(t.Context(), bonded.ActTag, name), bonded.Unauthorized, "[step-up]")
	for _, name := range []bonded.Name{name, names["free"]} {
		if err := b.Person("alice", true).May(t.Context(), bonded.ActTag, name); err != nil {
			t.Error(err)
		}
	}
	if err := b.Person("alice", false).May(t.Context(), bonded.ActTag, names["free"]); err != nil {
		t.Error(err)
	}
	if err := token.May(t.Context(), bonded.ActPublish, names["free"]); err != nil {
		t.Error(err)
	}
	secret, _, err := b.MakeToken(t.Context(), "", Limits{Scopes: scopes(t, "publish,tag:npm/*"), Publishers: []string{"own"}}, OriginPublisher, "publisher:own")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []bonded.Action{bonded.ActPublish, bonded.ActTag} {
		if err := b.asks(secret, office).May(t.Context(), action, name); err != nil {
			t.Error(err)
		}
	}
}
