package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"bonded.dev/registry/identity"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "token",
		Short: "Make a token narrower and look at one, without asking anybody",
		Args:  noArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(tokenNarrowCommand(), tokenShowCommand(), tokenPrintCommand())
	return c
}

// maxTokenLine bounds what is read as a token, bytes.
const maxTokenLine = 8192

// tokenFrom reads a token from BONDED_TOKEN, or else the first line of standard
// input, or else takes the one that bonded login got. It never stands in an argument, where every user of the host sees it.
func tokenFrom(in io.Reader) (string, error) {
	if t := os.Getenv("BONDED_TOKEN"); t != "" {
		return t, nil
	}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return storedToken("")
	}
	line, err := bufio.NewReader(io.LimitReader(in, maxTokenLine)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("reading a token from standard input: %w", err)
	}
	if line = strings.TrimSpace(line); line == "" {
		stored, err := storedToken("")
		if err != nil {
			return "", fmt.Errorf("there is no token in BONDED_TOKEN nor on standard input, and %w", err)
		}
		return stored, nil
	}
	return line, nil
}

func tokenNarrowCommand() *cobra.Command {
	var flags limitFlags
	c := &cobra.Command{
		Use:   "narrow [--scope SCOPE ...] [--version PATTERN ...] [--ttl TIME] ...",
		Short: "Make a narrower token of a token, and print it",
		Long: `Make a narrower token of the token in BONDED_TOKEN, on standard input, or of
bonded login, and print it. The repository is not asked and learns of it when it is used.

What is given only takes away; what is not given stays. The new token ends with
the one that it is made of, at the latest. It can be made narrower once more, and
by nobody wider. Revoking the first token ends all that were made of it.`,
		Example: `  bonded token narrow --ttl 1h < token
  BONDED_TOKEN=... bonded token narrow --scope publish:npm/@acme/x --version 2.1.0 --ttl 10m
  bonded token narrow --digest "$(sha256sum x-2.1.0.tgz | cut -c1-64)" < token`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := flags.limits()
			if err != nil {
				return err
			}
			text, err := tokenFrom(c.InOrStdin())
			if err != nil {
				return err
			}
			secret, err := identity.Narrow(text, l, time.Now())
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), secret.Reveal())
			return nil
		},
	}
	flags.add(c.Flags(), 0, "how long it lives; 0: as long as the one that it is made of")
	return c
}

func tokenPrintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "print [URL]",
		Short: "Print the token that bonded login got",
		Long: `Print the token that bonded login got, for commands that hand it to a package
manager. Without a URL the only log-in that there is.`,
		Example: `  bonded token print https://packages.example.org/ | bonded token show
  npm config set //packages.example.org/npm/:_authToken "$(bonded token print https://packages.example.org/)"`,
		Args: atMostURL,
		RunE: func(c *cobra.Command, args []string) error {
			token, err := storedToken(first(args))
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), token)
			return nil
		},
	}
}

func tokenShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Say what a token says of itself",
		Long: `Say what the token in BONDED_TOKEN or on standard input says of itself: for a
narrower token, what each step took away. What the first token may do is known to
the repository alone.`,
		Example: `  bonded token show < token
  BONDED_TOKEN=... bonded token show`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := tokenFrom(c.InOrStdin())
			if err != nil {
				return err
			}
			s, err := identity.Show(text)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			if !s.Narrowed {
				fmt.Fprintf(out, "A token whose checksum is right; its SHA-256 is %s.\nWhat it may do is known to the repository alone.\n", s.Token)
				return nil
			}
			fmt.Fprintf(out, "A narrower token, made of one whose SHA-256 is %s.\n", s.Token)
			for i, l := range s.Steps {
				fmt.Fprintf(out, "Step %d leaves:\n", i+1)
				showStep(out, l, s.Ends[i])
			}
			return nil
		},
	}
}

func showStep(out io.Writer, l identity.Limits, end time.Time) {
	var scopes []string
	for _, s := range l.Scopes {
		scopes = append(scopes, s.String())
	}
	for _, row := range []struct {
		what string
		list []string
	}{{"scopes", scopes}, {"versions", l.Versions}, {"networks", l.Networks}, {"artifacts", l.Digests}} {
		if len(row.list) > 0 {
			fmt.Fprintf(out, "  %-10s %s\n", row.what, strings.Join(row.list, " "))
		}
	}
	if end.IsZero() {
		return
	}
	over := ""
	if !time.Now().Before(end) {
		over = ", which is over"
	}
	fmt.Fprintf(out, "  %-10s %s%s\n", "until", end.UTC().Format("2006-01-02 15:04 MST"), over)
}
