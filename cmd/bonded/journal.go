package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/event"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"

	"github.com/spf13/cobra"
)

// journalCommand prints what happened.
func journalCommand() *cobra.Command {
	var account, pkg, since, form string
	var follow bool
	c := &cobra.Command{
		Use:   "journal",
		Short: "Print what happened: who did what, to what, when",
		Long: `Print the journal, oldest line first.

--since takes a time (2026-11-24 or RFC 3339) or how long ago (90m, 24h, 30d).
--format is text, ndjson (docs/formats/journal.md) or ocsf: events of the Open
Cybersecurity Schema Framework 1.3, one a line. --follow goes on with what
happens until it is stopped, for log shippers.`,
		Example: `  bonded admin journal --account alice --since 30d
  bonded admin journal --package npm/left-pad --format ndjson
  bonded admin journal --format ocsf --follow`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			format, ok := event.FormatOf(form)
			if !ok {
				return usagef("--format %s: want one of %s", form, strings.Join(event.FormatNames(), ", "))
			}
			f := record.JournalFilter{Account: account}
			var err error
			if f.Subject, err = subject(pkg); err != nil {
				return err
			}
			if f.Since, err = ago(since, time.Now()); err != nil {
				return err
			}
			return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, _ config) error {
				out := bufio.NewWriter(c.OutOrStdout())
				if !follow {
					if err := event.Export(ctx, book, f, func(a record.Audit) error { return format(out, a) }); err != nil {
						return err
					}
					return out.Flush()
				}
				ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
				defer stop()
				tick := time.NewTicker(time.Second)
				defer tick.Stop()
				return event.Follow(ctx, book, f, time.Now, tick.C, func(a record.Audit) error {
					if err := format(out, a); err != nil {
						return err
					}
					return out.Flush()
				})
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().StringVar(&account, "account", "", "only what is about this account, or done by it")
	c.Flags().StringVar(&pkg, "package", "", "only this package (ECOSYSTEM/NAME) or organisation (@NAME)")
	c.Flags().StringVar(&since, "since", "", "only from this time on")
	c.Flags().StringVar(&form, "format", "text", "text, ndjson or ocsf")
	c.Flags().BoolVar(&follow, "follow", false, "go on until it is stopped")
	return c
}

// subject spells a package as the journal does.
func subject(text string) (string, error) {
	if text == "" || strings.HasPrefix(text, "@") && !strings.Contains(text, "/") {
		return text, nil
	}
	id, name, _ := strings.Cut(text, "/")
	for _, e := range all.Ecosystems() {
		if e.Info().ID == id {
			n, err := e.Name(name)
			return n.String(), err
		}
	}
	return "", usagef("--package %s: want ECOSYSTEM/NAME or @ORGANISATION", text)
}

// ago reads a time, or how long ago it was.
func ago(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, usageError{fmt.Errorf("--since %s: want a time such as 2026-11-24, or how long ago such as 24h or 30d", text)}
}
