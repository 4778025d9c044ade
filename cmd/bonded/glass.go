package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/spf13/cobra"
)

// glassCommand shows what operators agreed upon.
func glassCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "glass", Short: "What two administrators agreed to do for an account", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(glassListCommand())
	return c
}

func glassListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List what was asked for and agreed upon, newest first",
		Long: `List what was asked for and agreed upon, newest first. Asking and agreeing
happen on the page admin/glass, each with a passkey. What is open can be used
once, within an hour: bonded admin token add --user ACCOUNT --override ID`,
		Example: `  bonded admin glass list`,
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, _ config) error {
				list, err := book.Overrides(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return json.NewEncoder(c.OutOrStdout()).Encode(list)
				}
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tACCOUNT\tASKED BY\tAGREED BY\tUNTIL\tSTATE\tREASON")
				for _, o := range list {
					state := o.Valid(time.Now())
					if state == "" {
						state = "open"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, o.Account, o.Operator, o.Second, day(o.Until), state, o.Reason)
				}
				return w.Flush()
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
