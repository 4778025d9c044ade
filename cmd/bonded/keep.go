package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"bonded.dev/registry/keep"
	"bonded.dev/registry/sign"

	"github.com/spf13/cobra"
)

// withStored runs a command against the stored data of the configured
// repository, with progress where somebody looks.
func withStored(c *cobra.Command, do func(ctx context.Context, k *keep.Keeper, h *house) error) error {
	cfg, err := readConfig(c.Flags(), os.Getenv)
	if err != nil {
		return err
	}
	h, err := openHouse(c.Context(), cfg, false)
	if err != nil {
		return err
	}
	defer h.close() //nolint:errcheck // the process ends
	keys, err := h.keys()
	if err != nil {
		return err
	}
	progress := newProgress(c.ErrOrStderr())
	defer progress.done()
	return do(c.Context(), &keep.Keeper{Ecosystems: h.ecosystems, Book: h.book, Blobs: h.blobs, Key: keys.Verifier(), Progress: progress.step}, h)
}

func fsckCommand() *cobra.Command {
	var (
		asJSON, mend bool
		spare        time.Duration
	)
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check stored data against the log",
		Long: `Check that the database says what its own log says, that everything that is
served is what the log computes, and that nothing is stored that no fact
accounts for.

With --mend, documents are computed again and orphans are removed. Lost
artifacts cannot be mended: restore them from a backup or a mirror.

Exit code 0: all is well or was mended. 1: something is wrong. 3: could not find out.`,
		Example: `  bonded fsck --data /var/lib/bonded
  bonded fsck --data /var/lib/bonded --mend`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			var report *keep.Report
			err := withStored(c, func(ctx context.Context, k *keep.Keeper, h *house) (err error) {
				report, err = k.Check(ctx, mend, spare)
				if err == nil && mend && !report.OK() {
					report, err = h.mend(ctx, k, report, spare)
				}
				return err
			})
			if err != nil {
				return err
			}
			return printFsck(c, report, asJSON)
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&mend, "mend", false, "compute documents again and remove orphans")
	c.Flags().DurationVar(&spare, "spare", time.Hour, "leave orphans alone that are younger: an upload may be under way")
	return c
}

// mend has every document computed again from the log, and looks once more.
func (h *house) mend(ctx context.Context, k *keep.Keeper, before *keep.Report, spare time.Duration) (*keep.Report, error) {
	if err := k.Forget(ctx); err != nil {
		return before, err
	}
	keys, err := h.keys()
	if err != nil {
		return before, err
	}
	if err := h.project(ctx, keys); err != nil {
		return before, err
	}
	after, err := k.Check(ctx, true, spare)
	if err != nil {
		return before, err
	}
	return keep.Mended(before, after), nil
}

// project brings the shelf up to the log, for the URL that the log names.
func (h *house) project(ctx context.Context, keys *sign.Keys) error {
	release, err := h.book.Alone(ctx)
	if err != nil {
		return err
	}
	defer release()
	quiet := *h
	quiet.config.URL = ""
	r, err := assemble(&quiet, keys, slog.New(slog.DiscardHandler), standard())
	if err != nil {
		return err
	}
	return r.desk.Open(ctx)
}

func printFsck(c *cobra.Command, r *keep.Report, asJSON bool) error {
	out := c.OutOrStdout()
	if asJSON {
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	} else {
		for _, f := range r.Findings {
			mended := ""
			if f.Mended {
				mended = " (mended)"
			}
			fmt.Fprintf(out, "%s %s: %s%s\n", f.Kind, f.Place, f.Problem, mended)
		}
		verdict := "all is well"
		switch {
		case !r.OK():
			verdict = "something is wrong"
		case len(r.Findings) > 0:
			verdict = "all is well now"
		}
		fmt.Fprintf(out, "%s: %d entries, %d packages, %d artifacts, %d documents\n", verdict, r.Entries, r.Served.Packages, r.Served.Artifacts, r.Served.Documents)
	}
	if !r.OK() {
		return errNo
	}
	return nil
}

func backupCommand() *cobra.Command {
	var noKeys bool
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything that cannot be computed again into one file",
		Long: `Write the database, the keys and every artifact into one tar file, beside a
running server. Documents and tiles are not in it: they are computed again.

The file holds private keys unless --without-keys is given; keep it as you keep
those. For PostgreSQL and a shared store use their own tools.`,
		Example: `  bonded backup /backups/bonded-2026-11-24.tar --data /var/lib/bonded`,
		Args:    exactArgs("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			var m keep.Manifest
			err := withStored(c, func(ctx context.Context, k *keep.Keeper, h *house) (err error) {
				keys := filepath.Join(h.config.Data, "keys")
				if noKeys {
					keys = ""
				}
				m, err = k.Backup(ctx, args[0], keys)
				return err
			})
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: %d entries, root %s\n", args[0], m.Entries, m.Root)
			return nil
		},
	}
	configFlags(c, onData...)
	c.Flags().BoolVar(&noKeys, "without-keys", false, "leave the private keys out")
	return c
}

func restoreCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "restore FILE --data NEWDIR",
		Short: "Unpack a backup into a new data directory and prove that it is whole",
		Example: `  bonded restore /backups/bonded-2026-11-24.tar --data /var/lib/bonded-new
  bonded serve --data /var/lib/bonded-new`,
		Args: exactArgs("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := readConfig(c.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			if _, err := keep.Restore(c.Context(), args[0], cfg.Data); err != nil {
				return err
			}
			var report *keep.Report
			err = withStored(c, func(ctx context.Context, k *keep.Keeper, h *house) error {
				keys, err := h.keys()
				if err != nil {
					return err
				}
				if err := h.project(ctx, keys); err != nil {
					return err
				}
				report, err = k.Check(ctx, false, 0)
				return err
			})
			if err != nil {
				return err
			}
			return printFsck(c, report, false)
		},
	}
	configFlags(c, onData...)
	return c
}
