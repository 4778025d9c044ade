package main

import (
	"encoding/json"
	"fmt"

	"bonded.dev/client/recompute"
	"bonded.dev/ecosystem/all"

	"github.com/spf13/cobra"
)

func logCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "log",
		Short: "Work with a repository's public log",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(logVerifyCommand())
	return c
}

func logVerifyCommand() *cobra.Command {
	var (
		opts   recompute.Options
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "verify URL",
		Short: "Compute a repository again from its log and compare every byte",
		Long: `Fetch the whole log of a repository, fold it, and compute again every byte that
the repository serves: tiles, state map, documents, artifacts. Where they
differ, the place is named.

Without --key the log's key is taken from the repository itself and printed;
note it down and give it next time, from another place than the repository.

Exit code 0: everything is as computed. 1: something differs. 3: could not find out.`,
		Example: `  bonded log verify http://127.0.0.1:8420/
  bonded log verify https://packages.example.org/ --key 'packages.example.org/bonded/1+1a2b3c4d+AbC...' --json`,
		Args: exactArgs("URL"),
		RunE: func(c *cobra.Command, args []string) error {
			progress := newProgress(c.ErrOrStderr())
			opts.Progress = progress.step
			report, err := recompute.Verify(c.Context(), args[0], all.Ecosystems(), opts)
			progress.done()
			if err != nil {
				return err
			}
			if asJSON {
				if err := json.NewEncoder(c.OutOrStdout()).Encode(report); err != nil {
					return err
				}
			} else {
				fmt.Fprint(c.OutOrStdout(), report.Text())
			}
			switch {
			case report.OK():
				return nil
			case report.Known():
				return errNo
			}
			return errUnknown
		},
	}
	c.Flags().StringVar(&opts.Key, "key", "", "verifier key of the log, origin+hash+key")
	c.Flags().BoolVar(&opts.NoArtifacts, "no-artifacts", false, "leave the bytes of artifacts unread")
	c.Flags().IntVar(&opts.Workers, "workers", 4, "requests under way at once")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
