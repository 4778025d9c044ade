package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/signin"

	"github.com/spf13/cobra"
)

func adminCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "admin",
		Short: "Look after users, organisations and tokens, on the host, beside a running server",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	user := &cobra.Command{Use: "user", Short: "Users", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	user.AddCommand(userAddCommand(), userListCommand(), userRoleCommand(), userDisableCommand(), userOffboardCommand(), userExportCommand(), userEraseCommand())
	token := &cobra.Command{Use: "token", Short: "Access tokens", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	token.AddCommand(tokenAddCommand(), tokenListCommand(), tokenRevokeCommand(), tokenLeakedCommand())
	c.AddCommand(user, orgCommand(), token, domainsCommand(), mailCommand(), journalCommand(), glassCommand(), retentionCommand(), passwordsCommand())
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
	if err := knowErased(book, cfg); err != nil {
		return err
	}
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
				fmt.Fprintf(c.OutOrStdout(), "%senrol/%s\n", signin.Named(base), secret.Reveal())
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

func userRoleCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "role NAME moderator|administrator|none", Short: "Say what a user is in the repository", Args: exactArgs("NAME", "ROLE"),
		Long: `Say what a user is in the repository. A moderator approves first releases, an
administrator looks after accounts; neither may publish what is not theirs.`,
		Example: `  bonded admin user role alice administrator
  bonded admin user role alice none`,
		RunE: func(c *cobra.Command, args []string) error {
			role := args[1]
			if role == "none" {
				role = ""
			}
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				return k.SetRole(ctx, args[0], role)
			})
		},
	}
	configFlags(c, onData...)
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

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
