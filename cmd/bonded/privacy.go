package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"text/tabwriter"
	"time"

	"bonded.dev/ecosystem/all"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/privacy"
	"bonded.dev/registry/record"
	"bonded.dev/registry/sign"
	"bonded.dev/registry/waiting"

	"github.com/spf13/cobra"
)

// Purposes of secrets that are derived from the keys of the repository.
const (
	cancelLinks = "cancel links"
	erasedNames = "erased names"
)

// knowErased lets a book see which names were erased. Where there are no keys
// yet nothing began, and nobody was erased.
func knowErased(book *record.Book, cfg config) error {
	keys, err := keysOf(cfg)
	if keys != nil {
		book.NameKey(keys.Secret(erasedNames))
	}
	return err
}

// keysOf opens the keys of the repository without making any: nil when there
// are none yet.
func keysOf(cfg config) (*sign.Keys, error) {
	if _, err := sign.ReadOrigin(filepath.Join(cfg.Data, "keys")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return (&house{config: cfg, ecosystems: all.Ecosystems()}).keys()
}

// withPrivacy runs a command with the room that looks after what is kept.
func withPrivacy(c *cobra.Command, do func(ctx context.Context, r *privacy.Room) error) error {
	return withKeeper(c, func(ctx context.Context, _ *identity.Keeper, book *record.Book, cfg config) error {
		keys, err := keysOf(cfg)
		if err != nil {
			return err
		}
		var wait *waiting.Room
		if keys != nil {
			wait = waiting.New(book, keys.Secret(cancelLinks))
		}
		return do(ctx, privacy.New(privacy.Config{Book: book, Waiting: wait}))
	})
}

func userExportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "export NAME",
		Short:   "Print everything that is kept about somebody",
		Long:    "Print everything that is kept about somebody, as JSON (docs/formats/person.md),\nwithout secrets. The journal notes it, and the person is told.",
		Example: `  bonded admin user export alice > alice.json`,
		Args:    exactArgs("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return withPrivacy(c, func(ctx context.Context, r *privacy.Room) error {
				b, err := r.Export(ctx, args[0], "admin")
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%s\n", b)
				return nil
			})
		},
	}
	configFlags(c, onData...)
	return c
}

func userEraseCommand() *cobra.Command {
	var orphan bool
	c := &cobra.Command{
		Use:   "erase NAME",
		Short: "Erase an account; its name is not given out again",
		Long: `Erase an account: name and address go from the database, from the journal and
from every document, the log stays whole. The running server does it within a
minute, one that is not running when it starts. It cannot be taken back.

Refused while nobody else looks after a package or an organisation; --orphan
leaves these without an owner.`,
		Example: `  bonded admin user erase alice`,
		Args:    exactArgs("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return withPrivacy(c, func(ctx context.Context, r *privacy.Room) error {
				if r.Waiting == nil {
					return usagef("this repository was never started, so there is nothing in it to erase")
				}
				_, err := r.AskErase(ctx, args[0], "admin", orphan, true)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s will be erased by the running server within a minute\n", args[0])
				}
				return err
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&orphan, "orphan", false, "leave packages and organisations that nobody else looks after without an owner")
	return c
}

// retentionCommand shows how long what is kept, and how much of it is old.
func retentionCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "retention",
		Short: "Delete what is older than it is kept for",
		Long: `Delete what is older than it is kept for, as the running server does by itself
once a day, and print the table of what is kept how long. With --dry-run nothing
is deleted.`,
		Example: `  bonded admin retention --dry-run`,
		Args:    exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			return withPrivacy(c, func(ctx context.Context, r *privacy.Room) error {
				list, err := r.Tidy(ctx, dry)
				w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "WHAT\tDAYS\tROWS\tOF")
				for _, o := range list {
					fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", o.What, int(o.Keep/(24*time.Hour)), o.Rows, o.Of)
				}
				return errors.Join(err, w.Flush())
			})
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&dry, "dry-run", false, "only count")
	return c
}
