package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"text/tabwriter"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/lapse"
	"bonded.dev/registry/record"

	"github.com/spf13/cobra"
)

func domainsCommand() *cobra.Command {
	var asJSON, look bool
	c := &cobra.Command{
		Use:   "domains",
		Short: "List the domains of people's addresses, and which of them lapsed",
		Long: `List the domains of people's addresses, as the daily check saw them.

A domain is well, doubtful (DNS did not know it once), lapsed (gone for two days,
or its registry says so), or unknown (nobody gave a clear answer). The accounts
of a lapsed domain are frozen until their people prove an address again.`,
		Example: `  bonded admin domains
  bonded admin domains --look --dns 192.0.2.53:53`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, cfg config) error {
				if look {
					r, err := lapse.New(lapse.Config{Book: book, DNS: cfg.DNS, RDAP: cfg.RDAP, Log: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))})
					if err != nil {
						return err
					}
					if err := r.Look(ctx); err != nil {
						return err
					}
				}
				list, err := domainRows(ctx, book)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(c.OutOrStdout()).Encode(list)
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "DOMAIN\tSTATE\tSINCE\tCHECKED\tACCOUNTS\tFROZEN\tWHY")
				for _, d := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%s\n", d.Name, d.State, day(d.Since), day(d.Checked), d.Accounts, d.Frozen, d.Why)
				}
				return w.Flush()
			})
		},
	}
	configFlags(c, append([]string{"dns", "rdap"}, onData...)...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&look, "look", false, "look now at those that were not looked at today")
	return c
}

// domainRow is a domain with how many accounts it matters to.
type domainRow struct {
	record.Domain
	Accounts int `json:"accounts"`
	Frozen   int `json:"frozen"`
}

func domainRows(ctx context.Context, book *record.Book) ([]domainRow, error) {
	domains, err := book.Domains(ctx)
	if err != nil {
		return nil, err
	}
	users, err := book.Users(ctx)
	if err != nil {
		return nil, err
	}
	at := map[string]*domainRow{}
	list := make([]domainRow, len(domains))
	for i, d := range domains {
		list[i].Domain = d
		at[d.Name] = &list[i]
	}
	for _, u := range users {
		if row := at[lapse.DomainOf(u.Email)]; row != nil && u.Erased.IsZero() {
			row.Accounts++
			if !u.Frozen.IsZero() {
				row.Frozen++
			}
		}
	}
	return list, nil
}
