package glass_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/glass"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// desk keeps what would be logged.
type desk struct {
	book *record.Book
	docs [][]byte
	err  error
}

func (d *desk) Override(ctx context.Context, doc []byte, note func(*record.Tx) error) (bonded.Receipt, error) {
	if d.err != nil {
		return bonded.Receipt{}, d.err
	}
	if err := d.book.Update(ctx, note); err != nil {
		return bonded.Receipt{}, err
	}
	d.docs = append(d.docs, doc)
	return bonded.Receipt{Index: 7, Size: 9}, nil
}

type office struct {
	*glass.Room
	t      *testing.T
	book   *record.Book
	desk   *desk
	keeper *identity.Keeper
	now    time.Time
}

const reason = "a release with a stolen key must be yanked"

func onBoth(t *testing.T, test func(t *testing.T, o *office)) {
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "bonded.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, testenv.Postgres(t))) })
}

func open(t *testing.T, dsn string) *office {
	t.Helper()
	book, err := record.Open(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { must(t, book.Close()) })
	o := &office{t: t, book: book, desk: &desk{book: book}, keeper: identity.New(book), now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return o.now }
	o.keeper.Now = clock
	o.Room = glass.New(glass.Config{Book: book, Desk: o.desk, Now: clock})
	for _, user := range []string{"alice", "bob", "olga", "oscar", "otto", "closed"} {
		_, err := o.keeper.AddUser(t.Context(), user, user+"@example.org")
		must(t, err)
	}
	must(t, book.Update(t.Context(), func(tx *record.Tx) error {
		pad := bonded.Name{Ecosystem: "eco", Key: "pad", Display: "pad"}
		return errors.Join(tx.SetRoles("olga", []string{"administrator"}), tx.SetRoles("oscar", []string{"moderator", "administrator"}),
			tx.SetRoles("otto", []string{"moderator"}), tx.SetDisabled("closed", o.now), tx.Claim(pad, 1), tx.AddOwner(pad, "alice"), tx.AddOwner(pad, "bob"),
			// The account is in use: its people have a way to sign in.
			tx.AddPasskey(record.Passkey{ID: []byte("key"), User: "alice", Body: []byte("{}"), Created: o.now}))
	}))
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, err error, kind bonded.Kind) {
	t.Helper()
	if k, _, _ := bonded.Explain(err); err == nil || k != kind {
		t.Errorf("%s: %v, want an error of kind %d", what, err, kind)
	}
}

// token is what the glass is broken for: a token for alice, made on the host.
func (o *office) token(override string) error {
	scope, err := identity.ParseScope("yank:eco/pad")
	must(o.t, err)
	_, _, err = o.keeper.AdminToken(o.t.Context(), "alice", identity.Limits{Scopes: []identity.Scope{scope}}, override)
	return err
}

func TestOneOperatorCannot(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		for _, c := range []struct {
			operator, account, reason string
			kind                      bonded.Kind
		}{
			{"alice", "bob", reason, bonded.Forbidden}, {"otto", "bob", reason, bonded.Forbidden}, {"nobody", "bob", reason, bonded.NotFound},
			{"olga", "nobody", reason, bonded.NotFound}, {"olga", "closed", reason, bonded.Conflict}, {"olga", "olga", reason, bonded.Invalid},
			{"olga", "alice", "", bonded.Invalid}, {"olga", "alice", "          short    ", bonded.Invalid},
			{"olga", "alice", strings.Repeat("x", 501), bonded.Invalid}, {"olga", "alice", "two lines\nare not one", bonded.Invalid},
		} {
			_, err := o.Ask(ctx, c.operator, c.account, c.reason)
			want(t, c.operator+" asks for "+c.account, err, c.kind)
		}
		asked, err := o.Ask(ctx, "olga", "alice", reason)
		must(t, err)
		for who, kind := range map[string]bonded.Kind{"olga": bonded.Forbidden, "otto": bonded.Forbidden, "alice": bonded.Forbidden} {
			_, _, err := o.Agree(ctx, who, asked.ID)
			want(t, who+" agrees", err, kind)
		}
		want(t, "a token without a second", o.token(asked.ID), bonded.Forbidden)
		want(t, "a token without anything", o.token(""), bonded.Forbidden)
		if len(o.desk.docs) != 0 {
			t.Error("it is public though nobody agreed")
		}
		must(t, o.book.Update(ctx, func(tx *record.Tx) error { return tx.SetRoles("olga", nil) }))
		_, _, err = o.Agree(ctx, "oscar", asked.ID)
		want(t, "the asker is no operator any more", err, bonded.Forbidden)
		must(t, o.book.Update(ctx, func(tx *record.Tx) error { return tx.SetRoles("olga", []string{"administrator"}) }))
		o.now = o.now.Add(glass.AskLife)
		_, _, err = o.Agree(ctx, "oscar", asked.ID)
		want(t, "a day later", err, bonded.Conflict)
	})
}

func TestTwoOperatorsCanOnceAndAllHearOfIt(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		ctx := t.Context()
		asked, err := o.Ask(ctx, "olga", "alice", reason)
		must(t, err)
		o.desk.err = bonded.Errorf(bonded.Unavailable, "the log cannot be written")
		_, _, err = o.Agree(ctx, "oscar", asked.ID)
		want(t, "without the public log", err, bonded.Unavailable)
		want(t, "a token that nobody could see", o.token(asked.ID), bonded.Forbidden)
		o.desk.err = nil
		agreed, receipt, err := o.Agree(ctx, "oscar", asked.ID)
		must(t, err)
		if agreed.Second != "oscar" || !agreed.Until.Equal(o.now.Add(glass.OpenLife)) || receipt.Index != 7 {
			t.Errorf("%+v, %+v", agreed, receipt)
		}
		_, _, err = o.Agree(ctx, "oscar", asked.ID)
		want(t, "agreed twice", err, bonded.Conflict)
		if len(o.desk.docs) != 1 {
			t.Fatalf("%d public documents", len(o.desk.docs))
		}
		var doc struct{ Salt, Reason, Account string }
		must(t, json.Unmarshal(o.desk.docs[0], &doc, json.RejectUnknownMembers(true), json.MatchCaseInsensitiveNames(true)))
		if doc.Reason != reason || doc.Account != privacy.Blind(doc.Salt, "alice") || len(doc.Salt) < 22 {
			t.Errorf("the public reads %s", o.desk.docs[0])
		}
		for _, name := range []string{"alice", "olga", "oscar"} {
			if strings.Contains(string(o.desk.docs[0]), name) {
				t.Errorf("the public document names %s", name)
			}
		}
		must(t, o.token(asked.ID))
		want(t, "a second token", o.token(asked.ID), bonded.Forbidden)
		var told []string
		lines, err := o.book.Journal(ctx, record.JournalFilter{}, 100)
		must(t, err)
		for _, l := range lines {
			if strings.HasPrefix(l.Action, "glass.") {
				told = append(told, l.Action+" "+l.Subject+" by "+l.Actor)
			}
			if strings.HasPrefix(l.Action, "glass.") && !l.Tell {
				t.Errorf("nobody is told of %+v", l)
			}
		}
		slices.Sort(told)
		if want := []string{"glass.agree alice by oscar", "glass.agree eco/pad by oscar", "glass.ask alice by olga", "glass.told  by oscar", "glass.use alice by admin"}; !slices.Equal(told, want) {
			t.Errorf("the journal says %q, want %q", told, want)
		}
	})
}

func TestAnHourIsAnHour(t *testing.T) {
	onBoth(t, func(t *testing.T, o *office) {
		asked, err := o.Ask(t.Context(), "olga", "alice", reason)
		must(t, err)
		_, _, err = o.Agree(t.Context(), "oscar", asked.ID)
		must(t, err)
		o.now = o.now.Add(glass.OpenLife)
		want(t, "an hour later", o.token(asked.ID), bonded.Forbidden)
	})
}
