package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

func whoamiCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "whoami [URL]",
		Short: "Ask a repository whose token this is, and what it may do",
		Long: `Ask a repository whose token this is, and what it may do: the one in BONDED_TOKEN,
which needs a URL, or the one that bonded login got.`,
		Example: `  bonded whoami
  bonded whoami https://packages.example.org/ --json`,
		Args: atMostURL,
		RunE: func(c *cobra.Command, args []string) error {
			base, token, err := whose(first(args))
			if err != nil {
				return err
			}
			t, status, err := own(c.Context(), http.MethodGet, base, token)
			switch {
			case err != nil:
				return err
			case status == http.StatusUnauthorized:
				fmt.Fprintf(c.OutOrStdout(), "refused: %s\n", plain(t.Error))
				return errNo
			case status != http.StatusOK:
				return fmt.Errorf("asking %s: %s (%d)", base, plain(t.Error), status)
			}
			if asJSON {
				return json.MarshalWrite(c.OutOrStdout(), struct {
					URL string `json:"url"`
					ownToken
				}{base, t})
			}
			user := t.User
			if user == "" {
				user = "a build job"
			}
			fmt.Fprintf(c.OutOrStdout(), "%s at %s\n  token  %s %s\n  may    %s\n  until  %s\n",
				plain(user), base, plain(t.ID), plain(t.Label), plain(strings.Join(t.Scopes, " ")), t.Expires.UTC().Format("2006-01-02 15:04 MST"))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// whose finds the repository and the token to ask about.
func whose(url string) (base, token string, err error) {
	if token = os.Getenv("BONDED_TOKEN"); token != "" {
		if url == "" {
			return "", "", usagef("URL is missing in: bonded whoami; BONDED_TOKEN does not say of which repository it is")
		}
		base, err = repositoryURL(url)
		return base, token, err
	}
	list, err := readCredentials()
	if err != nil {
		return "", "", err
	}
	base, c, err := list.of(url)
	return base, c.Token, err
}
