// Package notice tells people what happened: it reads the journal and sends
// mails through SMTP, in plain text, each once.
//
//	a room changes something -> a line in the journal, in the same transaction
//	Tell of its event.Kind   -> who hears of it: deliveries (table delivery)
//	a delivery that is due   -> one mail, through Config.Server
//	sent                     -> the delivery is gone
//	not sent                 -> later again, with growing pauses, for a day
//
// The journal is the outbox, so nothing that happened can be forgotten and
// nothing is told that did not happen. A crash repeats at most the mail in
// flight, under the same Message-ID. Of several nodes one sends.
//
// Who hears of an event: the account that it is about, the people behind the
// package or organisation, or the administrators, as package event says. An
// address that was replaced hears of everything for 30 days more, since
// whoever replaced it hears what comes after. An address whose domain lapsed
// hears of nothing: somebody else may read there.
//
// Releases are news and no alarm: one mail for all releases that one actor made
// within half a minute, and at most one in ten minutes about one package.
//
// What a mail says is made so that a forged one stands out. It never asks
// anybody to sign in. Its only links are the one that cancels a change, which
// can do nothing but deny, and the one that the reader asked for a moment ago
// ([Room.Letter]). What others wrote into it (labels, addresses where a token
// was found) is on one line, bounded, and is no link.
//
// Hole: a mail is not signed by us beyond what the mail server does (DKIM).
package notice

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"log/slog"
	"net/mail"
	"net/url"
	"sync"
	"time"

	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"
)

// Config is what a room is made of.
type Config struct {
	Book    *record.Book
	Waiting *waiting.Room
	// Server is smtp://HOST:PORT (STARTTLS, without which nothing is sent),
	// smtps://HOST:PORT or, for a relay on this machine or in the same closed
	// network, smtp+plain://HOST:PORT; a user may stand before the host.
	// Empty: nothing is sent; everything still stands on the pages.
	Server   string
	Password string
	From     string      // "Name <address>" or an address alone
	URL      string      // public, with trailing slash
	TLS      *tls.Config // nil: certificates that the system trusts
	Log      *slog.Logger
	Now      func() time.Time
	// Without takes the controls security-notify and publish-notify out of the
	// victim of a drill, whose owners then hear nothing; nil: everybody hears.
	Without func(control string) bool
}

// Room sends mails.
type Room struct {
	Config
	server *server       // nil: there is none
	from   *mail.Address // set with server
	host   string        // of the repository, as people know it
	holder string        // of the lease
	passes sync.Mutex    // one at a time
	swept  time.Time
}

// New makes a room. A Server or From that cannot be read is an error.
func New(c Config) (*Room, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	id := make([]byte, 8)
	rand.Read(id) //nolint:errcheck // crypto/rand.Read never fails
	r := &Room{Config: c, host: "localhost", holder: base64.RawURLEncoding.EncodeToString(id)}
	if u, err := url.Parse(c.URL); err == nil && u.Host != "" {
		r.host = u.Host
	}
	if c.Server == "" {
		return r, nil
	}
	var err error
	if r.server, err = parseServer(c.Server, c.Password); err != nil {
		return nil, err
	}
	r.from, err = parseFrom(c.From, r.host)
	return r, err
}

// every is how often the journal is looked at: with it, half a minute of
// settling and a slow server, a notice is still there within a minute.
const every = 5 * time.Second

// Run sends what the journal holds, until ctx ends. Of several nodes one does.
func (r *Room) Run(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	defer r.release(ctx)
	last := ""
	for {
		err := r.Pass(ctx)
		switch {
		case err == nil:
			last = ""
		case ctx.Err() == nil && err.Error() != last: // said once, not every five seconds
			last = err.Error()
			r.Log.Warn("mails wait a little longer", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Pass looks at the journal once and sends what is due.
func (r *Room) Pass(ctx context.Context) error {
	r.passes.Lock()
	defer r.passes.Unlock()
	if got, err := r.lease(ctx); err != nil || !got {
		return err
	}
	if err := r.hand(ctx); err != nil {
		return err
	}
	if r.server == nil {
		return nil
	}
	if err := r.deliver(ctx); err != nil {
		return err
	}
	if now := r.Now(); now.Sub(r.swept) > time.Hour {
		r.swept = now
		return r.Book.Update(ctx, func(tx *record.Tx) error { return tx.DropFormerAddresses("", now) })
	}
	return nil
}

// leaseLife outlives the sending of one mail; it is prolonged before each. So
// long nothing is sent after a crash.
const leaseLife = 30 * time.Second

func (r *Room) lease(ctx context.Context) (bool, error) {
	// The lease is between machines, so its clock is theirs and never a test's.
	return r.Book.Lease(ctx, "notice", r.holder, time.Now(), time.Now().Add(leaseLife))
}

// release lets another node, or this one after a restart, begin at once.
func (r *Room) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), every)
	defer cancel()
	if _, err := r.Book.Lease(ctx, "notice", r.holder, time.Now(), time.Now()); err != nil {
		r.Log.Warn("mails wait for a lease to run out", "err", err)
	}
}
