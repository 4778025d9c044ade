package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

func logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "logout [URL]",
		Short: "End the token that bonded login got, and forget it",
		Long: `End the token that bonded login got, at the repository, and take it out of the
file. Without a URL the only log-in that there is.

A token that the repository does not take any more is forgotten too.`,
		Example: `  bonded logout
  bonded logout https://packages.example.org/`,
		Args: atMostURL,
		RunE: func(c *cobra.Command, args []string) error {
			list, err := readCredentials()
			if err != nil {
				return err
			}
			base, cred, err := list.of(first(args))
			if err != nil {
				return err
			}
			t, status, err := own(c.Context(), http.MethodDelete, base, cred.Token)
			if err != nil {
				return err
			}
			if status != http.StatusNoContent && status != http.StatusUnauthorized {
				return fmt.Errorf("ending the token at %s: %s (%d); it is kept", base, plain(t.Error), status)
			}
			delete(list, base)
			if err := list.write(); err != nil {
				return err
			}
			if status == http.StatusUnauthorized {
				fmt.Fprintf(c.OutOrStdout(), "Logged out of %s: its token had ended already.\n", base)
				return nil
			}
			fmt.Fprintf(c.OutOrStdout(), "Logged out of %s: the token is dead everywhere within seconds.\n", base)
			return nil
		},
	}
}

// atMostURL takes one argument or none.
func atMostURL(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("%q is one argument too many in: bonded %s", args[1], verb(c))
	}
	return nil
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
