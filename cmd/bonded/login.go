package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	ecosystems "bonded.dev/ecosystem/all"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
)

func loginCommand() *cobra.Command {
	var l loginAsk
	c := &cobra.Command{
		Use:   "login URL",
		Short: "Get a token for a repository, by a page where you allow it",
		Long: `Get a token for a repository without a password: this command shows a code, you
type it on a page of the repository, and your passkey confirms it. There you also
choose what the token may do, of what --scope asks for, and whether it lives for a
day or for seven.

The token is kept in a file that nobody else can read, in the folder of your
settings. bonded change and bonded token find it there; for package managers the
commands that hand it on are printed.`,
		Example: `  bonded login https://packages.example.org/
  bonded login https://packages.example.org/ --scope publish:npm/@acme/*
  bonded login https://packages.example.org/ --print > token`,
		Args: exactArgs("URL"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if l.base, err = repositoryURL(args[0]); err != nil {
				return err
			}
			for _, s := range l.scopes {
				if _, err := parseScope(s); err != nil {
					return usageError{err}
				}
			}
			return l.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringArrayVar(&l.scopes, "scope", nil, "what to ask for; may be given several times (default publish,tag,yank:*)")
	c.Flags().BoolVar(&l.print, "print", false, "print the token and keep it nowhere")
	c.Flags().BoolVar(&l.json, "json", false, "print what came of it as JSON")
	return c
}

// loginAsk is one log-in from this end.
type loginAsk struct {
	base        string
	scopes      []string
	print, json bool
}

func (l loginAsk) run(ctx context.Context, out, errs io.Writer) error {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, client())
	flow := oauth2.Config{ClientID: "bonded", Scopes: l.scopes, Endpoint: oauth2.Endpoint{
		DeviceAuthURL: l.base + "api/v1/device/code", TokenURL: l.base + "api/v1/device/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
	begun, err := flow.DeviceAuth(ctx)
	if err != nil {
		return l.failed(out, err)
	}
	fmt.Fprintf(errs, "Open this page and type the code:\n\n  page  %s\n  code  %s\n\n", plain(begun.VerificationURI), plain(begun.UserCode))
	done := waitingFor(errs, begun.Expiry)
	got, err := flow.DeviceAccessToken(ctx, begun)
	done()
	if err != nil {
		return l.failed(out, err)
	}
	t, status, err := own(ctx, http.MethodGet, l.base, got.AccessToken)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("the repository gave a token and does not know it (%d %s): %w", status, t.Error, errors.Join(err, errUnknown))
	}
	if l.print {
		fmt.Fprintln(out, got.AccessToken)
		return nil
	}
	list, err := readCredentials()
	if err != nil {
		return err
	}
	old := list[l.base]
	list[l.base] = credential{Token: got.AccessToken, User: t.User, Scopes: t.Scopes, Expires: t.Expires}
	if err := list.write(); err != nil {
		return err
	}
	if old.Token != "" {
		// It would live on unseen. That it cannot be ended spoils nothing.
		_, _, _ = own(ctx, http.MethodDelete, l.base, old.Token)
	}
	return l.report(out, t)
}

// plain is text from a repository without what a terminal obeys.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return '?'
		}
		return c
	}, s)
}

// waitingFor shows on a terminal how long somebody may still take.
func waitingFor(w io.Writer, until time.Time) (done func()) {
	p := newProgress(w)
	if p.w == nil {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			p.line("waiting for you, " + time.Until(until).Truncate(time.Second).String() + " left")
			select {
			case <-stop:
				p.done()
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// failed says why there is no token: a no of the person, or something else.
func (l loginAsk) failed(out io.Writer, err error) error {
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) {
		return fmt.Errorf("logging in to %s: %w", l.base, err)
	}
	switch r.ErrorCode {
	case "access_denied":
		fmt.Fprintf(out, "refused: %s\n", plain(r.ErrorDescription))
		return errNo
	case "invalid_scope":
		return usagef("%s", plain(r.ErrorDescription))
	case "":
		return fmt.Errorf("logging in to %s: it answers %s; is this a bonded repository?", l.base, r.Response.Status)
	}
	return fmt.Errorf("logging in to %s: %s (%s)", l.base, plain(r.ErrorDescription), plain(r.ErrorCode))
}

func (l loginAsk) report(out io.Writer, t ownToken) error {
	file, err := credentialsFile()
	if err != nil {
		return err
	}
	if l.json {
		return json.MarshalWrite(out, struct {
			URL     string    `json:"url"`
			User    string    `json:"user"`
			Scopes  []string  `json:"scopes"`
			Expires time.Time `json:"expires"`
			File    string    `json:"file"`
		}{l.base, t.User, t.Scopes, t.Expires, file})
	}
	fmt.Fprintf(out, "Logged in to %s as %s until %s.\n", l.base, plain(t.User), day(t.Expires))
	fmt.Fprintf(out, "The token may %s; it is kept in %s\n", plain(strings.Join(t.Scopes, " ")), file)
	for _, e := range ecosystems.Ecosystems() {
		i := e.Info()
		if !strings.Contains(strings.Join(t.Scopes, " "), ":"+i.ID+"/") && !strings.Contains(strings.Join(t.Scopes, " "), ":*") {
			continue
		}
		url := strings.TrimSuffix(l.base, "/") + i.Prefix
		_, place, _ := strings.Cut(url, "://")
		say := strings.NewReplacer("{url}", url, "{place}", place, "TOKEN", `"$(bonded token print `+l.base+`)"`)
		fmt.Fprintf(out, "\n%s:\n", i.Clients)
		for _, c := range append(i.Setup, i.Token...) {
			fmt.Fprintf(out, "  %s\n", say.Replace(c))
		}
	}
	return nil
}
