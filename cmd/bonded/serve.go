package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/controls/all"
	"bonded.dev/ecosystem"
	press "bonded.dev/guide/book"
	"bonded.dev/internal/logwire"
	"bonded.dev/registry/glass"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/lapse"
	"bonded.dev/registry/leak"
	"bonded.dev/registry/login"
	"bonded.dev/registry/notice"
	"bonded.dev/registry/people"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/project"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
	"bonded.dev/registry/screen"
	"bonded.dev/registry/serve"
	"bonded.dev/registry/sign"
	"bonded.dev/registry/signin"
	"bonded.dev/registry/trusted"
	"bonded.dev/registry/waiting"
	"bonded.dev/registry/web"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the repository",
		Long: `Run the repository until SIGTERM or Ctrl-C, which let running requests finish.

One line on standard output says when it is ready; everything else is
structured text on standard error. Without further settings the database and
all files live in the data directory. A shared database and a shared store make
any number of nodes one repository:

  --database postgres://bonded@db.example/bonded
  --blobs s3://objects.example/bonded   (keys in BONDED_S3_ACCESS_KEY, BONDED_S3_SECRET_KEY)

Every node then needs the same keys directory.`,
		Example: `  bonded serve
  bonded serve --data /var/lib/bonded --listen 127.0.0.1:8420 --url https://packages.example.org/
  bonded serve --config /etc/bonded.yaml`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(c.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			return runServe(c.Context(), cfg, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	configFlags(c)
	c.Flags().Bool("log-reads", false, "log reads too, not only writes and errors")
	c.Flags().Bool("log-clients", false, "log the addresses of clients")
	return c
}

func runServe(ctx context.Context, cfg config, stdout, stderr io.Writer) error {
	var lines slog.Handler = slog.NewTextHandler(stderr, nil)
	if !cfg.LogClients {
		lines = privacy.Quiet(lines)
	}
	log := slog.New(lines)
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", cfg.Listen, err)
	}
	defer listener.Close()
	if cfg.URL == "" {
		cfg.URL = reachedAt(listener.Addr().String())
	}
	h, err := openHouse(ctx, cfg, true)
	if err != nil {
		return err
	}
	defer h.close() //nolint:errcheck // the process ends
	release, err := h.book.Alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	keys, err := h.keys()
	if err != nil {
		return err
	}
	r, err := assemble(h, keys, log, standard())
	if err != nil {
		return err
	}
	if err := r.desk.Open(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "listening on http://%s\n", listener.Addr())
	return r.run(ctx, listener)
}

// run answers until ctx ends. The rooms outlive the door: a request that is
// still inside when the signal comes is taken into history before the desk
// closes.
func (r *running) run(ctx context.Context, listener net.Listener) error {
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	rooms, inner := errgroup.WithContext(inner)
	rooms.Go(func() error { return r.desk.Run(inner) })
	rooms.Go(func() error { return r.keeper.Run(inner) })
	rooms.Go(func() error { return r.tally(inner) })
	rooms.Go(func() error { return r.waiting.Run(inner) })
	rooms.Go(func() error { return r.notice.Run(inner) })
	rooms.Go(func() error { return r.privacy.Run(inner) })
	rooms.Go(func() error { return r.lapse.Run(inner) })
	rooms.Go(func() error { return r.trusted.Run(inner) })
	err := r.door.Serve(ctx, listener)
	stop()
	return errors.Join(err, rooms.Wait())
}

// running is the repository put together.
type running struct {
	desk    *publish.Desk
	keeper  *identity.Keeper
	signin  *signin.Room
	people  *people.Room
	logins  *login.Room
	trusted *trusted.Room
	waiting *waiting.Room
	notice  *notice.Room
	privacy *privacy.Room
	glass   *glass.Room
	leak    *leak.Room
	lapse   *lapse.Room
	pages   *web.Pages
	door    *serve.Handler
	// proving bounds how many proofs are made at once: one question may fold a
	// thousand packages, and anybody may ask.
	proving *semaphore.Weighted
}

const (
	proofsAtOnce  = 4
	proofPatience = 2 * time.Second
)

// fitting is what the victim of a drill has otherwise than a repository that
// serves. A server has the standard one, and no setting of it changes that.
type fitting struct {
	checks []screen.Check
	now    func() time.Time
	// authenticate says who asks; nil for nobody.
	authenticate func(ctx context.Context, k *identity.Keeper, ask identity.Request) (publish.Actor, error)
	// out says which controls the rooms do without.
	out func(control string) bool
}

func standard() fitting {
	return fitting{checks: all.Checks(), now: time.Now, authenticate: authenticate, out: func(string) bool { return false }}
}

func authenticate(ctx context.Context, k *identity.Keeper, ask identity.Request) (publish.Actor, error) {
	caller, err := k.Authenticate(ctx, ask)
	if caller == nil || err != nil {
		return nil, err
	}
	return caller, nil
}

// assemble connects the rooms. Reading it from top to bottom is the map of how
// they depend on each other.
func assemble(h *house, keys *sign.Keys, log *slog.Logger, f fitting) (*running, error) {
	r := &running{keeper: identity.New(h.book), proving: semaphore.NewWeighted(proofsAtOnce)}
	r.keeper.Now = f.now
	h.book.NameKey(keys.Secret(erasedNames))
	r.waiting = waiting.New(h.book, keys.Secret(cancelLinks))
	r.waiting.Now, r.waiting.Log, r.waiting.Without = f.now, log, f.out
	shelf := &project.Shelf{Store: h.blobs}
	r.desk = publish.New(publish.Config{
		Ecosystems: h.ecosystems,
		Checks:     f.checks,
		Book:       h.book, Blobs: h.blobs, Keys: keys, Shelf: shelf,
		Origin: keys.Origin(), URL: h.config.URL,
		Now: f.now, Log: log,
		TwoPerson: h.config.TwoPerson, Leaked: r.keeper.Leaked, Without: f.out,
	})
	if err := r.admit(h, keys, log, f); err != nil {
		return nil, err
	}
	drain, _ := h.config.drain() // complete has read it
	r.door = serve.New(serve.Config{
		Ecosystems: h.ecosystems,
		Blobs:      h.blobs,
		Desk:       r.desk,
		Authenticate: func(ctx context.Context, ask identity.Request) (publish.Actor, error) {
			return f.authenticate(ctx, r.keeper, ask)
		},
		Search: h.search,
		Prove:  r.prove,
		Tally:  h.book,
		Pages:  r.pages,
		Logins: r.logins, Tokens: r.keeper, Owners: r.people.SetOwners,
		Leaks: r.leak,
		Exchange: func(ctx context.Context, j serve.Job) (identity.Secret, record.Token, error) {
			return r.trusted.Exchange(ctx, trusted.Ask(j))
		},
		GiveBack: r.trusted.Revoke,
		Audience: r.trusted.Audience,
		Guide:    press.Handler(serve.GuidePrefix, book),
		Ready: []serve.Check{
			{Name: "database", Do: h.book.Check},
			{Name: "log", Do: r.desk.Check},
		},
		LogSize:  r.desk.Size,
		Security: r.security(h.config),
		URL:      h.config.URL,
		Contact:  h.config.Contact, LogReads: h.config.LogReads, LogClients: h.config.LogClients, Drain: drain,
		Recheck: h.recheck(),
		Log:     log, Metrics: prometheus.NewRegistry(), Now: f.now, Without: f.out,
	})
	shelf.Changed = r.door.Changed
	r.desk.Observe = r.door.Batch
	return r, nil
}

// admit connects the rooms that people and build jobs come to.
func (r *running) admit(h *house, keys *sign.Keys, log *slog.Logger, f fitting) (err error) {
	c := h.config
	r.notice, err = notice.New(notice.Config{
		Book: h.book, Waiting: r.waiting, Server: c.Mail.Server, Password: c.Mail.Password, From: c.Mail.From,
		URL: c.URL, Log: log, Now: f.now, Without: f.out,
	})
	if err != nil {
		return err
	}
	origins, err := leak.ParseOrigins(c.LeakKeys)
	if err != nil {
		return err
	}
	r.leak, err = leak.New(leak.Config{Kill: r.keeper.Leaked, Book: h.book, Origins: origins, Log: log, Now: f.now, Without: f.out})
	if err != nil {
		return err
	}
	r.lapse, err = lapse.New(lapse.Config{Book: h.book, DNS: c.DNS, RDAP: c.RDAP, Pause: time.Second, Log: log, Now: f.now, Without: f.out})
	if err != nil {
		return err
	}
	var send func(context.Context, signin.Letter) error
	if c.Mail.Server != "" {
		send = r.notice.Letter
	}
	known, err := breached(c, log)
	if err != nil {
		return err
	}
	r.signin, err = signin.New(signin.Config{
		Book: h.book, Keeper: r.keeper, Waiting: r.waiting, URL: c.URL, Seal: keys.Secret("totp seeds"),
		Breached: known, Send: send, Open: c.Registration == "open", Now: f.now, Log: log, Without: f.out,
	})
	if err != nil {
		return err
	}
	r.keeper.Proofs = r.signin.CheckProof
	r.logins = login.New(login.Config{Book: h.book, Keeper: r.keeper, Proof: r.proof, Secret: keys.Secret("login networks"), Now: f.now})
	r.people = people.New(people.Config{Book: h.book, Waiting: r.waiting, Desk: r.desk, Now: f.now, Without: f.out})
	r.trusted = trusted.New(trusted.Config{Book: h.book, Keeper: r.keeper, Audience: host(c.URL), Issuers: c.Issuers, Now: f.now, Without: f.out})
	r.privacy = privacy.New(privacy.Config{Book: h.book, Desk: r.desk, Waiting: r.waiting, Log: log, Now: f.now})
	r.glass = glass.New(glass.Config{Book: h.book, Desk: r.desk, Now: f.now})
	r.pages = web.New(web.Config{
		Privacy: r.privacy, Glass: r.glass,
		Keeper: r.keeper, SignIn: r.signin, People: r.people, Logins: r.logins, Trusted: r.trusted, Desk: r.desk, Waiting: r.waiting,
		Book: h.book, Ecosystems: h.ecosystems, Setups: h.setups(), URL: c.URL, Log: log, Now: f.now,
	})
	return nil
}

// proof makes a one-time proof for somebody who showed a passkey for it.
func (r *running) proof(ctx context.Context, user string, stepped time.Time, action bonded.Action, name bonded.Name) (string, error) {
	return r.signin.IssueProof(ctx, &signin.Session{User: user, Stepped: stepped}, action, name)
}

// host is the host of a public URL, without its port.
func host(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Hostname()
}

// recheck is how stale a node may be about what another one wrote; a
// repository in one directory has no other node.
func (h *house) recheck() time.Duration {
	if h.config.Database == "" {
		return 0
	}
	return time.Second
}

// setups are the commands that point clients here.
func (h *house) setups() (list []web.Setup) {
	for _, e := range h.ecosystems {
		i := e.Info()
		s := web.Setup{ID: i.ID, Clients: i.Clients, Install: i.Install}
		url := strings.TrimSuffix(h.config.URL, "/") + i.Prefix
		_, place, _ := strings.Cut(url, "://")
		say := strings.NewReplacer("{url}", url, "{place}", place)
		for _, c := range i.Setup {
			s.Commands = append(s.Commands, say.Replace(c))
		}
		for _, c := range i.Token {
			s.Token = append(s.Token, say.Replace(c))
		}
		list = append(list, s)
	}
	return list
}

func (h *house) search(ctx context.Context, eco string, q ecosystem.Query) ([]ecosystem.Hit, int, error) {
	found, total, err := h.book.Search(ctx, eco, q.Text, q.From, q.Size)
	hits := make([]ecosystem.Hit, len(found))
	for i, f := range found {
		hits[i] = ecosystem.Hit(f)
	}
	return hits, total, err
}

// prove answers /log/prove?name=npm/left-pad&version=1.0.0&file=left-pad-1.0.0.tgz.
func (r *running) prove(ctx context.Context, query url.Values) ([]byte, error) {
	q, err := logwire.ParseQuestion(query)
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, proofPatience)
	defer cancel()
	if err := r.proving.Acquire(wait, 1); err != nil {
		return nil, bonded.Errorf(bonded.Unavailable, "too many proofs are being made; try again in a moment")
	}
	defer r.proving.Release(1)
	answer, err := r.desk.Prover().Prove(ctx, q)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// tally writes down downloads and last uses now and then.
func (r *running) tally(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.door.Flush(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			r.door.Flush(ctx)
		}
	}
}
