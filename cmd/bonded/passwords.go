package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"bonded.dev/registry/breach"

	"github.com/spf13/cobra"
)

func passwordsCommand() *cobra.Command {
	c := &cobra.Command{Use: "passwords", Short: "The list of stolen passwords", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(passwordsBuildCommand(), passwordsCheckCommand())
	return c
}

func passwordsBuildCommand() *cobra.Command {
	var out string
	var least int
	c := &cobra.Command{
		Use:   "build LIST --out FILE",
		Short: "Make a list of stolen passwords that a server loads",
		Long: `Make a list of stolen passwords that a server loads with --breached FILE.

LIST has a line for each password, "SHA-1:COUNT" in hexadecimal, in any order,
as the public lists have it; "-" reads standard input. FILE takes little more
than a byte for each, and the server holds it in memory. One in 256 passwords
that stand in no list is taken for stolen; its user chooses another one.

A server reads the file when it starts.`,
		Example: `  bonded admin passwords build hashes.txt --out breached.bin
  xz -dc hashes.txt.xz | bonded admin passwords build - --out breached.bin --least 5
  bonded serve --breached breached.bin`,
		Args: exactArgs("LIST"),
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--out is missing in: bonded admin passwords build")
			}
			list := c.InOrStdin()
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return usageError{err}
				}
				defer f.Close()
				list = f
			}
			n, err := breach.Build(c.Context(), list, out, least)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%d passwords in %s; start the server with: bonded serve --breached %s\n", n, out, out)
			return nil
		},
	}
	c.Flags().StringVar(&out, "out", "", "file to write")
	c.Flags().IntVar(&least, "least", 1, "leave out what was seen less often")
	return c
}

func passwordsCheckCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "check --breached FILE",
		Short: "Read passwords from standard input, one a line, and say which are known",
		Long: `Read passwords from standard input, one a line, and say for each whether the
list that is part of bonded or the one in FILE knows it. Nothing is sent anywhere.`,
		Example: `  bonded admin passwords check --breached breached.bin < candidates.txt`,
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			l := &breach.Lists{}
			if file != "" {
				f, err := breach.Open(file)
				if err != nil {
					return err
				}
				l.Filter = f
			}
			b, err := io.ReadAll(io.LimitReader(c.InOrStdin(), 1<<20))
			if err != nil {
				return fmt.Errorf("reading the passwords: %w", err)
			}
			for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
				line = strings.TrimSuffix(line, "\r")
				known, err := l.Known(c.Context(), line)
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "line %d: %s\n", i+1, map[bool]string{true: "known", false: "not known"}[known])
			}
			return nil
		},
	}
	c.Flags().StringVar(&file, "breached", "", "file of: bonded admin passwords build")
	return c
}

// breached asks the lists of stolen passwords that are configured; the one in
// this program always.
func breached(c config, log *slog.Logger) (func(context.Context, string) (bool, error), error) {
	l := &breach.Lists{Ranges: c.BreachedURL}
	if c.Breached != "" {
		f, err := breach.Open(c.Breached)
		if err != nil {
			return nil, err
		}
		l.Filter = f
		log.Info("a list of stolen passwords was read", "file", c.Breached)
	}
	return l.Known, nil
}
