package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/spf13/cobra"
)

func adminCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "admin",
		Short: "Look after users and tokens, on the host, beside a running server",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	user := &cobra.Command{Use: "user", Short: "Users", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	user.AddCommand(userAddCommand(), userListCommand(), userDisableCommand())
	token := &cobra.Command{Use: "token", Short: "Access tokens", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	token.AddCommand(tokenAddCommand(), tokenListCommand(), tokenRevokeCommand())
	c.AddCommand(user, token)
	return c
}

// withKeeper runs a command against the accounts of the configured repository.
func withKeeper(c *cobra.Command, do func(ctx context.Context, k *identity.Keeper, book *record.Book, cfg config) error) error {
	cfg, err := readConfig(c.Flags(), os.Getenv)
	if err != nil {
		return err
	}
	if _, err := os.Stat(cfg.Data); err != nil && cfg.Database == "" {
		return usagef("there is no repository in %s; start one with: bonded serve --data %s", cfg.Data, cfg.Data)
	}
	book, err := record.Open(c.Context(), cfg.dsn())
	if err != nil {
		return err
	}
	defer book.Close()
	return do(c.Context(), identity.New(book), book, cfg)
}

func userAddCommand() *cobra.Command {
	var email string
	c := &cobra.Command{
		Use:     "add NAME --email ADDRESS",
		Short:   "Make an account and print its enrolment link",
		Example: `  bonded admin user add alice --email alice@example.org`,
		Args:    exactArgs("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if email == "" {
				return usagef("--email is missing in: bonded admin user add")
			}
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, book *record.Book, cfg config) error {
				secret, err := k.AddUser(ctx, args[0], email)
				if err != nil {
					return err
				}
				base, err := publicURL(ctx, book, cfg)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%senrol/%s\n", base, secret.Reveal())
				return nil
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&email, "email", "", "address for notices; never shown to others")
	return c
}

// publicURL is where the repository is reached: as configured, or as its log
// says, or where it would listen.
func publicURL(ctx context.Context, book *record.Book, cfg config) (url string, err error) {
	if cfg.URL != "" {
		return cfg.URL, nil
	}
	err = book.View(ctx, func(tx *record.Tx) error {
		h, err := tx.House()
		url = h.URL
		return err
	})
	if url == "" {
		url = reachedAt(cfg.Listen)
	}
	return url, err
}

func userListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List accounts", Args: exactArgs(),
		Example: `  bonded admin user list --data /var/lib/bonded`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, _ config) error {
				users, err := book.Users(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(c.OutOrStdout()).Encode(users)
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tEMAIL\tCREATED\tDISABLED")
				for _, u := range users {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", u.Name, u.Email, day(u.Created), day(u.Disabled))
				}
				return w.Flush()
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func userDisableCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "disable NAME", Short: "Close an account and every token of it", Args: exactArgs("NAME"),
		Example: `  bonded admin user disable mallory`,
		RunE: func(c *cobra.Command, args []string) error {
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				return k.DisableUser(ctx, args[0])
			})
		},
	}
	configFlags(c, onData...)
	return c
}

func tokenAddCommand() *cobra.Command {
	var (
		user   string
		scopes []string
		ttl    time.Duration
	)
	c := &cobra.Command{
		Use:   "add --user NAME --scope SCOPE ...",
		Short: "Make a token and print it, once",
		Long: `Make a token and print it, once; only a hash of it is kept.

A scope is ACTION:ECOSYSTEM/NAME-PATTERN. Actions are read, publish, tag, yank
(and deprecate), delete and owner; several are joined by commas. A pattern is a
name, or a name that ends in *; a lone * means every name.`,
		Example: `  bonded admin token add --user alice --scope 'publish,tag,yank:npm/*'
  bonded admin token add --user ci --scope publish:npm/@acme/* --scope publish:pypi/acme-tools --ttl 1h`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			if user == "" || len(scopes) == 0 {
				return usagef("bonded admin token add needs --user and at least one --scope")
			}
			var parsed []identity.Scope
			for _, s := range scopes {
				p, err := parseScope(s)
				if err != nil {
					return usageError{err}
				}
				parsed = append(parsed, p)
			}
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				secret, _, err := k.AddToken(ctx, user, parsed, ttl)
				if err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), secret.Reveal())
				return nil
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&user, "user", "", "whose token it is")
	c.Flags().StringArrayVar(&scopes, "scope", nil, "what it may do; may be given several times")
	c.Flags().DurationVar(&ttl, "ttl", identity.DefaultTTL, "how long it lives, at most "+strings.TrimSuffix(identity.MaxTTL.String(), "0m0s"))
	return c
}

func tokenListCommand() *cobra.Command {
	var (
		user   string
		asJSON bool
	)
	c := &cobra.Command{
		Use: "list --user NAME", Short: "List tokens, without their secrets", Args: exactArgs(),
		Example: `  bonded admin token list --user alice`,
		RunE: func(c *cobra.Command, _ []string) error {
			if user == "" {
				return usagef("--user is missing in: bonded admin token list")
			}
			return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, _ config) error {
				tokens, err := book.Tokens(ctx, user)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(c.OutOrStdout()).Encode(tokens)
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tREVOKED")
				for _, t := range tokens {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, strings.Join(t.Scopes, " "), day(t.Created), day(t.Expires), day(t.LastUsed), day(t.Revoked))
				}
				return w.Flush()
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&user, "user", "", "whose tokens")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func tokenRevokeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "revoke ID", Short: "End a token for ever", Args: exactArgs("ID"),
		Example: `  bonded admin token list --user alice
  bonded admin token revoke RdjSdytkSs`,
		RunE: func(c *cobra.Command, args []string) error {
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				return k.RevokeToken(ctx, args[0])
			})
		},
	}
	configFlags(c, onData...)
	return c
}

// parseScope reads a scope and spells a whole name as its ecosystem does.
func parseScope(text string) (identity.Scope, error) {
	s, err := identity.ParseScope(text)
	if err != nil || strings.Contains(s.Pattern, "*") {
		return s, err
	}
	for _, e := range all.Ecosystems() {
		if e.Info().ID == s.Ecosystem {
			n, err := e.Name(s.Pattern)
			s.Pattern = n.Key
			return s, err
		}
	}
	return s, usagef("scope %q: there is no ecosystem %q here", text, s.Ecosystem)
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
