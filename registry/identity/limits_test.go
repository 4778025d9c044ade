package identity

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/record"
)

var (
	office = netip.MustParseAddr("203.0.113.7")
	abroad = netip.MustParseAddr("198.51.100.7")
	left   = bonded.Name{Ecosystem: "npm", Key: "left-pad", Display: "left-pad"}
	bytesA = bonded.DigestOf([]byte("a"))
	bytesB = bonded.DigestOf([]byte("b"))
)

func scopes(t testing.TB, list ...string) (out []Scope) {
	t.Helper()
	for _, s := range list {
		p, err := ParseScope(s)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// make makes a token of alice with limits.
func (b *bench) make(l Limits) (Secret, record.Token) {
	b.t.Helper()
	if l.Scopes == nil {
		l.Scopes = scopes(b.t, "read,publish,tag,yank,delete,owner,policy:*")
	}
	secret, t, err := b.MakeToken(b.t.Context(), "alice", l, OriginWeb, "alice")
	if err != nil {
		b.t.Fatal(err)
	}
	return secret, t
}

func (b *bench) ask(s Secret, from netip.Addr) (*Caller, error) {
	return b.Authenticate(b.t.Context(), Request{Authorization: "Bearer " + s.Reveal(), From: from})
}

func (b *bench) asks(s Secret, from netip.Addr) *Caller {
	b.t.Helper()
	c, err := b.ask(s, from)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func fact(kind bonded.EntryType, version string) bonded.Entry {
	return bonded.Entry{Type: kind, Version: version, File: "f.tgz", Digest: bytesA}
}

func TestTokenNetworks(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, kept := b.make(Limits{Networks: []string{"203.0.113.9/24", "2001:db8::/48", "192.0.2.1"}})
	if got := strings.Join(kept.Networks, " "); got != "203.0.113.0/24 2001:db8::/48 192.0.2.1/32" {
		t.Errorf("kept %s", got)
	}
	for from, good := range map[string]bool{
		"203.0.113.7": true, "192.0.2.1": true, "2001:db8:0:1::5": true,
		"192.0.2.2": false, "203.0.114.1": false, "2001:db8:1::1": false, "::ffff:203.0.113.7": false, "::1": false,
	} {
		c, err := b.ask(secret, netip.MustParseAddr(from))
		if good && (err != nil || c == nil) {
			t.Errorf("%s: %v", from, err)
		}
		if !good {
			refused(t, from, err, bonded.Forbidden, "does not work from the network that the request came from")
			if strings.Contains(err.Error(), "203.0.113") {
				t.Error("the refusal tells where the token works:", err)
			}
		}
	}
	_, err := b.ask(secret, netip.Addr{})
	refused(t, "from nowhere", err, bonded.Forbidden, "[token-lifetime]")
	// A caller that outlived its admission is asked again.
	c := b.asks(secret, office)
	c.from = abroad
	refused(t, "may", c.May(t.Context(), bonded.ActPublish, left), bonded.Forbidden, "does not work from the network")
}

func TestTokenVersionsAndArtifacts(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	versions, _ := b.make(Limits{Versions: []string{"2.0.0", "1.4.*"}})
	artifacts, _ := b.make(Limits{Digests: []string{bytesA.Hex()}})
	both, _ := b.make(Limits{Versions: []string{"1.4.*"}, Digests: []string{bytesB.Hex()}})
	free, _ := b.make(Limits{})
	every, _ := b.make(Limits{Versions: []string{"*"}})
	for _, c := range []struct {
		token Secret
		facts []bonded.Entry
		why   string
	}{
		{free, []bonded.Entry{fact(bonded.Publish, "9"), fact(bonded.Status, "")}, ""},
		{every, []bonded.Entry{fact(bonded.Publish, "2.0.0")}, ""},
		{every, []bonded.Entry{fact(bonded.Status, "")}, "may not touch the package as a whole"},
		{versions, []bonded.Entry{fact(bonded.Publish, "2.0.0")}, ""},
		{versions, []bonded.Entry{fact(bonded.Publish, "1.4.1"), fact(bonded.SetTag, "1.4.1")}, ""},
		{versions, []bonded.Entry{fact(bonded.Publish, "1.40.1")}, "may not touch version 1.40.1 of npm/left-pad: it is good for the versions 2.0.0 1.4.*; make one"},
		{versions, []bonded.Entry{fact(bonded.Publish, "2.0.00")}, "may not touch version 2.0.00"},
		{versions, []bonded.Entry{fact(bonded.Publish, "1.4.1"), fact(bonded.SetTag, "3.0.0")}, "may not touch version 3.0.0"},
		{versions, []bonded.Entry{fact(bonded.Yank, "1.3.0")}, "may not touch version 1.3.0"},
		{versions, []bonded.Entry{fact(bonded.Remove, "1.3.0")}, "may not touch version 1.3.0"},
		{versions, []bonded.Entry{fact(bonded.Deprecate, "1.3.0")}, "may not touch version 1.3.0"},
		{versions, []bonded.Entry{fact(bonded.Status, "")}, "may not touch the package as a whole"},
		{versions, []bonded.Entry{fact(bonded.DropTag, "")}, "may not touch the package as a whole"},
		{artifacts, []bonded.Entry{fact(bonded.Publish, "1"), fact(bonded.SetTag, "1")}, ""},
		{artifacts, []bonded.Entry{{Type: bonded.Publish, File: "g.tgz", Digest: bytesB}}, "may not publish g.tgz: it is good for certain artifacts, and the SHA-256 of this one, " + bytesB.Hex()},
		{artifacts, []bonded.Entry{fact(bonded.Publish, "1"), {Type: bonded.Publish, File: "g.tgz", Digest: bytesB}}, "may not publish g.tgz"},
		{artifacts, []bonded.Entry{fact(bonded.SetTag, "1")}, "does nothing else"},
		{artifacts, []bonded.Entry{fact(bonded.Yank, "1")}, "does nothing else"},
		{artifacts, []bonded.Entry{fact(bonded.Remove, "1")}, "does nothing else"},
		{both, []bonded.Entry{fact(bonded.Publish, "1.4.0")}, "may not publish f.tgz"},
	} {
		err := b.asks(c.token, office).Limits(&bonded.Draft{Name: left, Facts: c.facts})
		if c.why == "" && err != nil {
			t.Errorf("%v: %v", c.facts, err)
		}
		if c.why != "" {
			refused(t, c.why, err, bonded.Forbidden, c.why)
			refused(t, c.why, err, bonded.Forbidden, "[scoped-tokens]")
		}
	}
}

func TestTokenUses(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	secret, kept := b.make(Limits{Uses: 2})
	endless, _ := b.make(Limits{})
	spend := func(c *Caller) error {
		return b.book.Update(t.Context(), func(tx *record.Tx) error { return c.Spend(tx) })
	}
	c, other := b.asks(secret, office), b.asks(endless, office)
	for range 3 {
		if err := spend(other); err != nil {
			t.Fatal(err)
		}
	}
	// A change that was not written took no use.
	broken := errors.New("broken")
	err := b.book.Update(t.Context(), func(tx *record.Tx) error { return errors.Join(c.Spend(tx), broken) })
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	for range 2 {
		if err := spend(c); err != nil {
			t.Fatal(err)
		}
	}
	refused(t, "spend", spend(c), bonded.Unauthorized, "the last of them is spent; make a new one [token-lifetime]")
	b.later(remember)
	_, err = b.ask(secret, office)
	refused(t, "authenticate", err, bonded.Unauthorized, "the last of them is spent")
	if t2, err := b.book.TokenByID(t.Context(), kept.ID); err != nil || t2.Uses != 0 {
		t.Error(t2.Uses, err)
	}
}

func TestTokenLimitsAreChecked(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	good := scopes(t, "publish:npm/*")
	for what, c := range map[string]struct {
		l    Limits
		text string
	}{
		"no scope":          {Limits{}, "at least one scope"},
		"star inside":       {Limits{Versions: []string{"1.*.0"}}, "the start of one and a star"},
		"two stars":         {Limits{Versions: []string{"1.**"}}, "the start of one and a star"},
		"empty version":     {Limits{Versions: []string{""}}, "the start of one and a star"},
		"spaced version":    {Limits{Versions: []string{"1 2"}}, "the start of one and a star"},
		"long version":      {Limits{Versions: []string{strings.Repeat("1", 129)}}, "the start of one and a star"},
		"many versions":     {Limits{Versions: make([]string, 33)}, "at most 32"},
		"no network":        {Limits{Networks: []string{"office"}}, `network "office"`},
		"zone":              {Limits{Networks: []string{"fe80::1%eth0"}}, "network"},
		"mapped":            {Limits{Networks: []string{"::ffff:203.0.113.0/120"}}, "network"},
		"many networks":     {Limits{Networks: make([]string, 33)}, "at most 32"},
		"short digest":      {Limits{Digests: []string{"abc"}}, "64 lower-case hexadecimal digits"},
		"upper-case digest": {Limits{Digests: []string{strings.ToUpper(bytesA.Hex())}}, "64 lower-case"},
		"many digests":      {Limits{Digests: make([]string, 201)}, "at most 200"},
		"negative uses":     {Limits{Uses: -1}, "at least one use"},
		"long label":        {Limits{Label: strings.Repeat("x", 81)}, "one line of at most 80"},
		"label of lines":    {Limits{Label: "a\nb"}, "one line"},
		"too long":          {Limits{TTL: MaxTTL + 1}, "at most 90 days"},
		"for a publisher":   {Limits{Publishers: []string{"p1"}}, "belongs to a user or to a trusted publisher"},
	} {
		if what != "no scope" {
			c.l.Scopes = good
		}
		_, _, err := b.MakeToken(t.Context(), "alice", c.l, OriginWeb, "alice")
		refused(t, what, err, bonded.Invalid, c.text)
	}
	_, _, err := b.MakeToken(t.Context(), "", Limits{Scopes: good, TTL: PublisherTTL + 1, Publishers: []string{"p1"}}, OriginPublisher, "publisher:p1")
	refused(t, "a publisher's that lives long", err, bonded.Invalid, "at most 15 minutes")
	_, _, err = b.MakeToken(t.Context(), "", Limits{Scopes: good}, OriginPublisher, "publisher:")
	refused(t, "nobody's", err, bonded.Invalid, "belongs to a user or to a trusted publisher")
	if list, err := b.book.Tokens(t.Context(), ""); err != nil || len(list) != 0 {
		t.Error("a token was made in spite of the error:", list, err)
	}
}

// TestStepUp: what destroys or hands over takes more than a token.
func TestStepUp(t *testing.T) {
	b := newBench(t)
	b.user("alice")
	b.owns(left, 1, "alice")
	secret, _ := b.make(Limits{})
	may := func(action bonded.Action, proof string) error {
		t.Helper()
		c, err := b.Authenticate(t.Context(), Request{Authorization: "Bearer " + secret.Reveal(), Proof: proof})
		if err != nil {
			t.Fatal(err)
		}
		err = c.May(t.Context(), action, left)
		if again := c.May(t.Context(), action, left); (err == nil) != (again == nil) {
			t.Errorf("%s: %v, and asked again for the same draft: %v", action, err, again)
		}
		return err
	}
	allowed := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	allowed("delete with a fresh token", may(bonded.ActDelete, ""))
	for _, action := range []bonded.Action{bonded.ActOwner, bonded.ActPolicy} {
		refused(t, string(action), may(action, ""), bonded.Unauthorized, "a token alone is not enough: do it on its page, or open account/proof and send what it shows [step-up]")
		refused(t, "no proof is good", may(action, "123"), bonded.Unauthorized, "[step-up]")
	}
	b.later(FreshToken)
	allowed("delete in the last moment", may(bonded.ActDelete, ""))
	b.later(time.Second)
	refused(t, "delete", may(bonded.ActDelete, ""), bonded.Unauthorized, "older than 15 minutes: make a fresh one, or open account/proof and send what it shows [step-up]")
	for _, action := range []bonded.Action{bonded.ActRead, bonded.ActPublish, bonded.ActTag, bonded.ActYank} {
		allowed(string(action), may(action, ""))
	}
	// A request that began in time is not asked again while it is written.
	young, _ := b.make(Limits{})
	c := b.asks(young, office)
	allowed("delete", c.May(t.Context(), bonded.ActDelete, left))
	b.later(FreshToken + time.Second)
	allowed("delete, a moment later", c.May(t.Context(), bonded.ActDelete, left))
	refused(t, "another name", c.May(t.Context(), bonded.ActDelete, bonded.Name{Ecosystem: "npm", Key: "x"}), bonded.Forbidden, "nobody has published")
	shown := 0
	b.Proofs = func(_ context.Context, user, proof string, action bonded.Action, name bonded.Name) error {
		if shown++; user != "alice" || name != left || action == bonded.ActPublish {
			t.Error(user, action, name)
		}
		switch proof {
		case "good":
			return nil
		case "down":
			return errors.New("the database burns")
		}
		return bonded.Refusal(bonded.Unauthorized, "step-up", "it was used before")
	}
	for i, action := range []bonded.Action{bonded.ActDelete, bonded.ActOwner, bonded.ActPolicy} {
		allowed(string(action), may(action, "good"))
		if shown != i*5+1 {
			t.Errorf("a proof was taken %d times, want once for one request", shown-i*5)
		}
		refused(t, string(action), may(action, "bad"), bonded.Unauthorized, "is not good, it was used before")
		refused(t, string(action), may(action, "down"), bonded.Internal, "an error of its own")
	}
	// A publisher has nobody who could show anything.
	job := &Caller{keeper: b.Keeper, publisher: "p1", proof: "good", created: b.Now().Add(-time.Hour)}
	refused(t, "a job", b.stepUp(t.Context(), job, bonded.ActDelete, left), bonded.Unauthorized, "[step-up]")
	// On a page a passkey takes the place of the proof.
	for _, action := range []bonded.Action{bonded.ActDelete, bonded.ActOwner, bonded.ActPolicy} {
		refused(t, "a stale session", b.Person("alice", false).May(t.Context(), action, left), bonded.Unauthorized, "show a passkey once more")
		allowed("a fresh session", b.Person("alice", true).May(t.Context(), action, left))
	}
	allowed("a session", b.Person("alice", false).May(t.Context(), bonded.ActPublish, left))
}

func TestTokenUseIsCoarse(t *testing.T) {
	for from, want := range map[string]string{
		"203.0.113.77": "203.0.113.0/24", "2001:db8:1:2::3": "2001:db8:1::/48", "::ffff:203.0.113.77": "203.0.113.0/24", "fe80::1%eth0": "fe80::/48",
	} {
		if got := Network(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	b := newBench(t)
	b.user("alice")
	secret, kept := b.make(Limits{Networks: []string{"203.0.113.0/24"}})
	if _, err := b.ask(secret, abroad); err == nil {
		t.Fatal("let in from abroad")
	}
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k, err := b.book.TokenByID(t.Context(), kept.ID); err != nil || !k.LastUsed.IsZero() {
		t.Error("whoever was turned away counts as a use:", k.LastUsed, err)
	}
	b.asks(secret, office)
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if k, err := b.book.TokenByID(t.Context(), kept.ID); err != nil || k.LastFrom != "203.0.113.0/24" {
		t.Error(k.LastFrom, err)
	}
}
