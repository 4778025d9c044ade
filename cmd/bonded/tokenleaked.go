package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/spf13/cobra"
)

func tokenLeakedCommand() *cobra.Command {
	var where string
	c := &cobra.Command{
		Use:   "leaked TOKEN|- --where PLACE",
		Short: "End a token that was found in public, and tell its owner where",
		Long: `End a token that was found in public, and tell its owner where.

A token on a command line can be read by every user of the machine; with - one
token a line is read from the standard input. Anybody else reports tokens by
POST /api/v1/leaks, without an account.`,
		Example: `  bonded admin token leaked - --where 'a log of the build server' < found.txt`,
		Args:    exactArgs("TOKEN or -"),
		RunE: func(c *cobra.Command, args []string) error {
			if where == "" {
				return usagef("--where is missing in: bonded admin token leaked; the owner is told of it")
			}
			var in io.Reader = strings.NewReader(args[0])
			if args[0] == "-" {
				in = c.InOrStdin()
			}
			return withKeeper(c, func(ctx context.Context, k *identity.Keeper, _ *record.Book, _ config) error {
				return endLeaked(ctx, k, in, where, c.OutOrStdout())
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&where, "where", "", "where it was found, for its owner to read")
	return c
}

// endLeaked ends one token a line. Lines are counted, never repeated.
func endLeaked(ctx context.Context, k *identity.Keeper, in io.Reader, where string, out io.Writer) error {
	lines := bufio.NewScanner(in)
	n, none := 0, 0
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		found, err := k.Leaked(ctx, text, where)
		if err != nil {
			return err
		}
		n++
		if !found {
			none++
			fmt.Fprintf(out, "text %d: no token of this repository\n", n)
			continue
		}
		fmt.Fprintf(out, "text %d: a token of this repository; it is dead, on other nodes within five seconds\n", n)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading tokens: %w", err)
	}
	if n == none {
		return fmt.Errorf("none of %d texts is a token of this repository; nothing was done", n)
	}
	return nil
}
