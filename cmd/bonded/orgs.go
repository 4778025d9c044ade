package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"bonded.dev/ecosystem"
	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/people"
	"bonded.dev/registry/record"
	"bonded.dev/registry/waiting"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

// operator is who acts on the host, in the journal.
const operator = "admin"

func orgCommand() *cobra.Command {
	c := &cobra.Command{Use: "org", Short: "Organisations", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(orgAddCommand(), orgListCommand(), orgNamespaceCommand(), orgRemoveMemberCommand())
	return c
}

// withPeople runs a command against organisations and rights, beside a running
// server: the room has no desk, and leaves to the server what has to be logged.
func withPeople(c *cobra.Command, do func(ctx context.Context, r *people.Room, book *record.Book) error) error {
	return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, _ config) error {
		// No link of these changes goes into a mail, so no key is needed.
		return do(ctx, people.New(people.Config{Book: book, Waiting: waiting.New(book, nil)}), book)
	})
}

func orgAddCommand() *cobra.Command {
	var owner string
	c := &cobra.Command{
		Use: "add NAME --owner USER", Short: "Make an organisation that belongs to a user", Args: exactArgs("NAME"),
		Long: `Make an organisation that belongs to a user. Users and organisations share one
set of names, and a name is taken for ever. Users make organisations themselves
on their pages; its owners invite everybody else there.`,
		Example: `  bonded admin org add acme --owner alice`,
		RunE: func(c *cobra.Command, args []string) error {
			if owner == "" {
				return usagef("--owner is missing in: bonded admin org add")
			}
			return withPeople(c, func(ctx context.Context, r *people.Room, _ *record.Book) error {
				return r.AddOrg(ctx, owner, args[0])
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&owner, "owner", "", "its first owner")
	return c
}

// orgLine is an organisation as org list prints it.
type orgLine struct {
	Name       string   `json:"name"`
	Owners     []string `json:"owners"`
	Members    []string `json:"members"` // who is no owner
	Teams      []string `json:"teams"`
	Namespaces []string `json:"namespaces"` // ECOSYSTEM/PATTERN
	TwoPerson  bool     `json:"twoPerson"`
}

func orgListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List organisations and who is in them", Args: exactArgs(),
		Example: `  bonded admin org list --data /var/lib/bonded`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withPeople(c, func(ctx context.Context, r *people.Room, book *record.Book) error {
				orgs, err := book.Orgs(ctx)
				if err != nil {
					return err
				}
				lines := []orgLine{}
				for _, o := range orgs {
					whole, err := r.Org(ctx, operator, o.Name)
					if err != nil {
						return err
					}
					lines = append(lines, lineOf(whole))
				}
				if asJSON {
					return printJSON(c.OutOrStdout(), lines)
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tOWNERS\tMEMBERS\tTEAMS\tNAMESPACES")
				for _, l := range lines {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Name, list(l.Owners), list(l.Members), list(l.Teams), list(l.Namespaces))
				}
				return w.Flush()
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func lineOf(o people.Org) orgLine {
	l := orgLine{Name: o.Name, Owners: []string{}, Members: []string{}, Teams: []string{}, Namespaces: []string{}, TwoPerson: o.TwoPerson}
	for _, m := range o.Members {
		if m.Owner {
			l.Owners = append(l.Owners, m.User)
		} else {
			l.Members = append(l.Members, m.User)
		}
	}
	for _, t := range o.Teams {
		l.Teams = append(l.Teams, t.Name)
	}
	for _, n := range o.Namespaces {
		l.Namespaces = append(l.Namespaces, n.Ecosystem+"/"+n.Pattern)
	}
	return l
}

func list(words []string) string {
	if len(words) == 0 {
		return "-"
	}
	return strings.Join(words, " ")
}

func printJSON(w io.Writer, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}

func orgNamespaceCommand() *cobra.Command {
	var remove bool
	c := &cobra.Command{
		Use: "namespace ORG ECOSYSTEM/PATTERN", Short: "Give an organisation names for itself", Args: exactArgs("ORG", "PATTERN"),
		Long: `Give an organisation names for itself: whoever is in it may take new names that
the pattern matches, and nobody else. Such a package belongs to the owners of
the organisation. Names that are taken already stay whose they are.

A pattern is a name, or a name that ends in *. Whether the organisation is who it
says is for you to find out first.`,
		Example: `  bonded admin org namespace acme npm/@acme/*
  bonded admin org namespace acme pypi/acme-* --remove`,
		RunE: func(c *cobra.Command, args []string) error {
			scope, err := parseScope("publish:" + args[1])
			if err != nil || scope.Ecosystem == "" {
				return usagef("%q is no namespace; want ECOSYSTEM/PATTERN, for example npm/@acme/*", args[1])
			}
			if !slices.ContainsFunc(all.Ecosystems(), func(e ecosystem.Ecosystem) bool { return e.Info().ID == scope.Ecosystem }) {
				return usagef("there is no ecosystem %q here", scope.Ecosystem)
			}
			return withPeople(c, func(ctx context.Context, r *people.Room, _ *record.Book) error {
				if remove {
					return r.RemoveNamespace(ctx, operator, args[0], scope.Ecosystem, scope.Pattern)
				}
				return r.AddNamespace(ctx, operator, args[0], scope.Ecosystem, scope.Pattern)
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&remove, "remove", false, "take it away again")
	return c
}

func orgRemoveMemberCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "remove-member ORG USER", Short: "Take somebody out of an organisation, at once", Args: exactArgs("ORG", "USER"),
		Long: `Take somebody out of an organisation and its teams, and away from the packages
that it looks after; at once, also an owner. What has to be logged, the running
server does within a minute. Printed is every way in which the user can still
act.`,
		Example: `  bonded admin org remove-member acme carol`,
		RunE: func(c *cobra.Command, args []string) error {
			return offboard(c, args[0], args[1], asJSON)
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func userOffboardCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "offboard NAME", Short: "Close an account and every way in which its user can act", Args: exactArgs("NAME"),
		Long: `Close an account and every way in which its user can act: sessions, tokens,
enrolment links, roles, organisations and teams, invitations, changes that wait,
and the rights on packages that somebody else looks after. What has to be logged,
the running server does within a minute.

Printed is what is left: packages that have no other owner, which nobody can
change while the account is closed, and trusted publishers that the user set up,
for the owners of their packages to look at.`,
		Example: `  bonded admin user offboard mallory`,
		RunE: func(c *cobra.Command, args []string) error {
			return offboard(c, "", args[0], asJSON)
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// offboard closes what a user can reach through an organisation, or with none
// everything, and prints what is left.
func offboard(c *cobra.Command, org, user string, asJSON bool) error {
	return withPeople(c, func(ctx context.Context, r *people.Room, _ *record.Book) error {
		left, err := r.Offboard(ctx, operator, org, user)
		if err != nil {
			return err
		}
		return printPaths(c.OutOrStdout(), left, asJSON)
	})
}

// pathLine is a way in which somebody can act, as it is printed.
type pathLine struct {
	Via  string `json:"via"`
	What string `json:"what"`
	ID   string `json:"id"`
}

func printPaths(w io.Writer, paths []people.Path, asJSON bool) error {
	lines := []pathLine{}
	for _, p := range paths {
		lines = append(lines, pathLine(p))
	}
	if asJSON {
		return printJSON(w, lines)
	}
	if len(lines) == 0 {
		_, err := fmt.Fprintln(w, "nothing is left")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "VIA\tWHAT\tID")
	for _, l := range lines {
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.Via, l.What, l.ID)
	}
	return t.Flush()
}
