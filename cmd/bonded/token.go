package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// limitFlags are the flags of a token's limits that every maker of tokens has.
type limitFlags struct {
	scopes, versions, networks, digests []string
	ttl                                 time.Duration
}

func (f *limitFlags) add(flags *pflag.FlagSet, ttl time.Duration, ttlHelp string) {
	flags.StringArrayVar(&f.scopes, "scope", nil, "what it may do; may be given several times")
	flags.StringArrayVar(&f.versions, "version", nil, "a version that it may touch, or the start of some and a star; may be given several times")
	flags.StringArrayVar(&f.networks, "network", nil, "where it works from, such as 203.0.113.0/24; may be given several times")
	flags.StringArrayVar(&f.digests, "digest", nil, "SHA-256 of an artifact that it publishes, and nothing else; may be given several times")
	flags.DurationVar(&f.ttl, "ttl", ttl, ttlHelp)
}

func (f *limitFlags) limits() (identity.Limits, error) {
	l := identity.Limits{TTL: f.ttl, Versions: f.versions, Networks: f.networks, Digests: f.digests}
	for _, s := range f.scopes {
		p, err := parseScope(s)
		if err != nil {
			return l, usageError{err}
		}
		l.Scopes = append(l.Scopes, p)
	}
	return l, nil
}

func tokenAddCommand() *cobra.Command {
	var (
		user, label, override string
		uses                  int64
		flags                 limitFlags
	)
	c := &cobra.Command{
		Use:   "add --user NAME --scope SCOPE ...",
		Short: "Make a token and print it, once",
		Long: `Make a token and print it, once; only a hash of it is kept.

A scope is ACTION:ECOSYSTEM/NAME-PATTERN. Actions are read, publish, tag, yank
(and deprecate), delete, owner and policy; several are joined by commas. A
pattern is a name, or a name that ends in *; a lone * means every name.

Every further limit only takes away. Deleting takes a token that is at most 15
minutes old, and owner and policy take a fresh proof of its user besides.

An account that its owner has taken into use, with a passkey or an authenticator
app, makes its own tokens; --override names what two administrators agreed upon.`,
		Example: `  bonded admin token add --user alice --scope 'publish,tag,yank:npm/*'
  bonded admin token add --user ci --scope publish:npm/@acme/* --scope publish:pypi/acme-tools --ttl 1h
  bonded admin token add --user ci --scope publish:npm/@acme/x --version '2.1.*' --network 203.0.113.0/24
  bonded admin token add --user ci --scope publish:npm/@acme/x --uses 1 --label 'release 2.1.0'`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			if user == "" || len(flags.scopes) == 0 {
				return usagef("bonded admin token add needs --user and at least one --scope")
			}
			if uses < 1 && c.Flags().Changed("uses") {
				return usagef("--uses %d: a token has at least one use", uses)
			}
			l, err := flags.limits()
			if err != nil {
				return err
			}
			l.Uses, l.Label = uses, label
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				secret, _, err := k.AdminToken(ctx, user, l, override)
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
	flags.add(c.Flags(), identity.DefaultTTL, "how long it lives, at most "+strings.TrimSuffix(identity.MaxTTL.String(), "0m0s"))
	c.Flags().Int64Var(&uses, "uses", 0, "how many changes it is good for; 0: no limit")
	c.Flags().StringVar(&label, "label", "", "what it is for, for the list")
	c.Flags().StringVar(&override, "override", "", "id of what two administrators agreed upon")
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
				fmt.Fprintln(w, "ID\tSCOPES\tLIMITS\tLABEL\tCREATED\tEXPIRES\tLAST USED\tREVOKED")
				for _, t := range tokens {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, strings.Join(t.Scopes, " "), limitsOf(t), dash(t.Label),
						day(t.Created), day(t.Expires), day(t.LastUsed), day(t.Revoked))
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
	var why string
	c := &cobra.Command{
		Use: "revoke ID", Short: "End a token for ever", Args: exactArgs("ID"),
		Example: `  bonded admin token list --user alice
  bonded admin token revoke RdjSdytkSs`,
		RunE: func(c *cobra.Command, args []string) error {
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				return k.RevokeToken(ctx, args[0], "admin", why)
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&why, "why", "", "what its owner reads of it")
	return c
}

// limitsOf says in a few words what a token is limited to besides its scopes.
func limitsOf(t record.Token) string {
	var list []string
	add := func(what string, words []string) {
		if len(words) > 0 {
			list = append(list, what+" "+strings.Join(words, " "))
		}
	}
	add("versions", t.Versions)
	add("from", t.Networks)
	if n := len(t.Digests); n > 0 {
		list = append(list, fmt.Sprintf("artifacts %d", n))
	}
	if t.Uses >= 0 {
		list = append(list, fmt.Sprintf("uses left %d", t.Uses))
	}
	return dash(strings.Join(list, ", "))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
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
