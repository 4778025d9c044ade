// Package lapse looks once a day if the domains of people's e-mail addresses
// are still theirs. Whoever buys a domain that somebody forgot reads the mail
// that still goes there; so before that happens the accounts are frozen.
//
//	domains of all addresses -> DNS, and RDAP where it is configured
//	gone, or in other hands  -> accounts frozen: no token, no recovery, no mail
//	the person signs in with a passkey and proves an address -> thawed (signin)
//
// What counts as lapsed:
//
//   - RDAP (RFC 9083) says redemption period or pending delete (RFC 8056): at once;
//   - RDAP says that the domain was registered after the address was proven, so
//     it changed hands: at once, for those accounts;
//   - DNS says that there is no such domain, or that it takes no mail (no MX and
//     no address, RFC 5321 section 5.1), on two days in a row.
//
// Whatever is no clear answer (a timeout, SERVFAIL, a service that refuses)
// freezes nobody. A look that would freeze unusually many freezes nobody either,
// and says so in the log: then the resolver is likelier to be broken than they.
//
// RDAP is off unless an administrator names a service: it is a request to
// somebody outside, and tells them which domains matter here. Only the domain
// is asked about, never an address.
//
// Hole: without RDAP a domain that changes hands without a day of silence is
// not noticed. A deleted mailbox at a living provider is never noticed.
package lapse

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

const (
	daily = 23 * time.Hour // a little less, so that a daily look is not late
	apart = 20 * time.Hour // of two looks that both see nothing
	every = time.Hour      // how often Run looks if something is due
	lease = 15 * time.Minute

	// More than this share of all domains, and more than few, are no accident.
	few   = 3
	share = 5 // one in five
)

// States of a domain.
const (
	Well     = "well"
	Doubtful = "doubtful" // seen gone once
	Lapsed   = "lapsed"
	Unknown  = "unknown" // never seen clearly
)

// Config is what a room is made of.
type Config struct {
	Book   *record.Book
	DNS    string       // HOST:PORT of a resolver; empty: the system's
	RDAP   string       // base URL of a service; empty: RDAP is not asked
	Client *http.Client // for RDAP; nil: one with a timeout
	Pause  time.Duration
	Log    *slog.Logger
	Now    func() time.Time
	// Without takes the control lapsed-domains out of the victim of a drill: it
	// looks and freezes nobody. nil: it freezes.
	Without func(control string) bool
}

// Room looks at domains.
type Room struct {
	Config
	names  *names
	rdap   *rdap // nil: not asked
	holder string
}

// New makes a room. A resolver or service that cannot be read is an error.
func New(c Config) (*Room, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	id := make([]byte, 8)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	r := &Room{Config: c, holder: base64.RawURLEncoding.EncodeToString(id)}
	var err error
	if r.names, err = newNames(c.DNS); err != nil {
		return nil, err
	}
	if c.RDAP != "" {
		r.rdap, err = newRDAP(c.RDAP, c.Client)
	}
	return r, err
}

// Run looks at every domain once a day, until ctx ends. Of several nodes one does.
func (r *Room) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer func() { // another node need not wait for it
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = r.Book.Lease(end, "lapse", r.holder, time.Now(), time.Now()) // else it runs out
	}()
	for {
		got, err := r.lease(ctx)
		if err == nil && got {
			err = r.look(ctx, r.lease)
		}
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("the domains of addresses could not be looked at", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Room) lease(ctx context.Context) (bool, error) {
	return r.Book.Lease(ctx, "lapse", r.holder, time.Now(), time.Now().Add(lease))
}

// sight is what one look saw of one domain.
type sight struct {
	state      string    // Well, Doubtful (gone by DNS), Lapsed (by RDAP), Unknown
	registered time.Time // zero: not known
	why        string
}

// finding is a domain as it was, as it is now, and who has addresses there.
type finding struct {
	before, now record.Domain
	users       []record.User
	freeze      []record.User
}

// Look looks at every domain that was not looked at today, and freezes accounts.
// It asks no other node: two that look at once do no harm.
func (r *Room) Look(ctx context.Context) error {
	return r.look(ctx, func(context.Context) (bool, error) { return true, nil })
}

// look goes on as long as keep lets it.
func (r *Room) look(ctx context.Context, keep func(context.Context) (bool, error)) error {
	people, err := r.people(ctx)
	if err != nil {
		return err
	}
	known, err := r.known(ctx, people)
	if err != nil {
		return err
	}
	var list []*finding
	for _, name := range sortedByAge(people, known) {
		before := known[name]
		if !before.Checked.IsZero() && r.Now().Sub(before.Checked) < daily {
			continue
		}
		if got, err := keep(ctx); err != nil || !got {
			return err
		}
		s := r.see(ctx, name)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f := &finding{before: before, now: r.judge(name, before, s), users: people[name]}
		if r.Without == nil || !r.Without("lapsed-domains") {
			f.freeze = whom(f)
		}
		list = append(list, f)
	}
	r.hold(list, len(people))
	for _, f := range list {
		if err := r.write(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// people are the accounts that have an address, by domain.
func (r *Room) people(ctx context.Context) (map[string][]record.User, error) {
	users, err := r.Book.Users(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string][]record.User{}
	for _, u := range users {
		if name := DomainOf(u.Email); name != "" && u.Erased.IsZero() {
			by[name] = append(by[name], u)
		}
	}
	return by, nil
}

// DomainOf is the domain of an address in ASCII, lower case; empty when there
// is none that could be looked up.
func DomainOf(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return ""
	}
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(address[i+1:], "."))
	if err != nil || !strings.Contains(name, ".") {
		return "" // an address literal, or a name that means something here alone
	}
	return strings.ToLower(name)
}

// known reads what was seen before, and forgets domains that nobody uses any more.
func (r *Room) known(ctx context.Context, people map[string][]record.User) (map[string]record.Domain, error) {
	list, err := r.Book.Domains(ctx)
	if err != nil {
		return nil, err
	}
	by := map[string]record.Domain{}
	for _, d := range list {
		if people[d.Name] != nil {
			by[d.Name] = d
			continue
		}
		if err := r.Book.Update(ctx, func(tx *record.Tx) error { return tx.DropDomain(d.Name) }); err != nil {
			return nil, err
		}
	}
	return by, nil
}

func sortedByAge(people map[string][]record.User, known map[string]record.Domain) (list []string) {
	for name := range people {
		list = append(list, name)
	}
	slices.SortFunc(list, func(a, b string) int {
		if c := known[a].Checked.Compare(known[b].Checked); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return list
}

// see asks DNS and, when there is one, RDAP.
func (r *Room) see(ctx context.Context, name string) sight {
	s := r.names.see(ctx, name)
	if r.rdap == nil {
		return s
	}
	if r.Pause > 0 { // a service that serves everybody is asked slowly
		select {
		case <-ctx.Done():
			return s
		case <-time.After(r.Pause):
		}
	}
	told := r.rdap.see(ctx, name)
	switch {
	case told.state == Lapsed:
		return told
	case told.state == Unknown:
		s.why = strings.TrimPrefix(s.why+"; "+told.why, "; ")
	default:
		s.registered = told.registered
	}
	return s
}

// judge puts a sight beside what was seen before.
func (r *Room) judge(name string, before record.Domain, s sight) record.Domain {
	now := record.Domain{Name: name, Checked: r.Now(), Registered: s.registered, State: s.state, Since: before.Since, Why: s.why}
	if now.Registered.IsZero() {
		now.Registered = before.Registered
	}
	switch {
	case s.state == Unknown && before.State != "":
		now.State = before.State
	case s.state == Doubtful && before.State == Lapsed:
		now.State = Lapsed
	case s.state == Doubtful && before.State == Doubtful && r.Now().Sub(before.Since) >= apart:
		now.State = Lapsed
	}
	if now.State != before.State {
		now.Since = r.Now()
	}
	return now
}

// whom says which accounts a finding freezes: those whose address was proven
// (or written down, if it never was) before the domain lapsed or changed hands.
func whom(f *finding) (list []record.User) {
	for _, u := range f.users {
		proof := u.Verified
		if proof.IsZero() {
			proof = u.Created
		}
		lapsed := f.now.State == Lapsed && proof.Before(f.now.Since)
		sold := !f.now.Registered.IsZero() && proof.Before(f.now.Registered)
		if u.Frozen.IsZero() && (lapsed || sold) {
			list = append(list, u)
		}
	}
	return list
}

// hold lets a look freeze nobody when it would freeze unusually many.
func (r *Room) hold(list []*finding, domains int) {
	n := 0
	for _, f := range list {
		if len(f.freeze) > 0 {
			n++
		}
	}
	if n <= few || n*share <= domains {
		return
	}
	r.Log.Error("so many domains seem to have lapsed at once that nobody was frozen; look at the resolver, then at: bonded admin domains",
		"lapsed", n, "domains", domains)
	for _, f := range list {
		if len(f.freeze) > 0 {
			f.freeze = nil
			f.now.State, f.now.Since = Doubtful, r.Now()
			f.now.Why = "held, because unusually many lapsed at once: " + f.now.Why
			f.now.Registered = f.before.Registered
		}
	}
}

// write notes a finding and freezes accounts, both or neither.
func (r *Room) write(ctx context.Context, f *finding) error {
	why := f.now.Why
	if f.now.State != Lapsed {
		why = "the domain was registered anew on " + f.now.Registered.UTC().Format(time.DateOnly)
	}
	return r.Book.Update(ctx, func(tx *record.Tx) error {
		if err := tx.PutDomain(f.now); err != nil {
			return err
		}
		n := 0
		for _, u := range f.freeze {
			changed, err := tx.SetFrozen(u.Name, r.Now())
			if err != nil {
				return err
			}
			if !changed {
				continue
			}
			n++
			err = event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "user.freeze", Subject: u.Name, Account: u.Name,
				Detail: f.now.Name + ": " + why})
			if err != nil {
				return err
			}
			if err := r.endAddress(tx, u.Name); err != nil {
				return err
			}
		}
		if n == 0 {
			return nil
		}
		return event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "domain.lapse", Subject: f.now.Name,
			Detail: fmt.Sprintf("%s; accounts frozen: %d", why, n)})
	})
}

// endAddress cancels a change of address that waits for a frozen account. Whoever
// asked for it before may have the domain by now, and it would end the freeze; the
// account's user asks for it anew, with a passkey.
func (r *Room) endAddress(tx *record.Tx, user string) error {
	list, err := tx.Waits(user)
	if err != nil {
		return err
	}
	for _, w := range list {
		if w.Account != user || w.Kind != "email.change" {
			continue
		}
		if _, err := tx.EndWaiting(w.ID, "cancelled", r.Now()); err != nil {
			return err
		}
		err := event.Record(tx, record.Audit{At: r.Now(), Actor: "bonded", Action: "change.cancel", Subject: user, Account: user,
			Detail: w.Kind + ": the account is frozen"})
		if err != nil {
			return err
		}
	}
	return nil
}
