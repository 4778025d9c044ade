package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"bonded.dev/registry/publish"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"
)

// changeCommand does over HTTP what no package manager has a command for.
func changeCommand() *cobra.Command {
	var (
		registry string
		c        publish.Change
	)
	cmd := &cobra.Command{
		Use:   "change KIND PACKAGE [VERSION]",
		Short: "Yank, deprecate, archive or delete in a repository",
		Long: `Change the state of a package, as its owner, over the network.

KIND is yank, unyank, deprecate, undeprecate or delete, each with a version, or
status, with one of active, archived and deprecated in its place. The token
comes from BONDED_TOKEN, or else from bonded login, and needs the scope yank or
delete for the package.
Deleting with a token that is older than 15 minutes takes a fresh proof besides,
in BONDED_PROOF: the repository's page account/proof shows one.`,
		Example: `  bonded change yank pypi/left-pad 1.0 --reason 'broken on Windows'
  bonded change unyank pypi/left-pad 1.0
  bonded change status pypi/left-pad archived --registry https://packages.example.org/`,
		Args: func(c *cobra.Command, args []string) error {
			return exactArgs("KIND", "PACKAGE", "VERSION")(c, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Kind, c.Package = args[0], args[1]
			if c.Kind == "status" {
				c.Status = args[2]
			} else {
				c.Version = args[2]
			}
			token := os.Getenv("BONDED_TOKEN")
			if token == "" {
				stored, err := storedToken(registry)
				if errors.As(err, new(usageError)) {
					return usagef("%w; or set BONDED_TOKEN", err)
				}
				if err != nil {
					return err
				}
				token = stored
			}
			return sendChange(cmd.Context(), cmd.OutOrStdout(), registry, token, c)
		},
	}
	cmd.Flags().StringVar(&registry, "registry", "http://127.0.0.1:8420/", "URL of the repository")
	cmd.Flags().StringVar(&c.Reason, "reason", "", "shown to whoever installs")
	return cmd
}

func sendChange(ctx context.Context, out io.Writer, registry, token string, c publish.Change) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(registry, "/")+"/api/v1/changes", bytes.NewReader(body))
	if err != nil {
		return usagef("--registry %s: %w", registry, err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if proof := os.Getenv("BONDED_PROOF"); proof != "" {
		req.Header.Set("Bonded-Proof", proof)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("asking the repository: %w", err)
	}
	defer res.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Entry uint64 `json:"entry"`
		Size  uint64 `json:"size"`
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(b, &answer)
	}
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer (%s): %w", res.Status, err)
	case res.StatusCode != http.StatusOK:
		fmt.Fprintf(out, "refused: %s\n", answer.Error)
		return errNo
	case answer.Size == 0:
		fmt.Fprintln(out, "nothing to change: it is so already")
	default:
		fmt.Fprintf(out, "done: entry %d of %d in the public log\n", answer.Entry, answer.Size)
	}
	return nil
}
