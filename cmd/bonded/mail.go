package main

import (
	"fmt"
	"os"
	"time"

	"bonded.dev/registry/notice"

	"github.com/spf13/cobra"
)

func mailCommand() *cobra.Command {
	mail := &cobra.Command{Use: "mail", Short: "Notices by mail", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	mail.AddCommand(mailTestCommand())
	return mail
}

func mailTestCommand() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "test --to ADDRESS",
		Short: "Send a mail to see that notices arrive",
		Example: `  bonded admin mail test --to admin@example.org --config /etc/bonded.yaml
  BONDED_MAIL_PASSWORD=... bonded admin mail test --to admin@example.org \
    --mail-server smtp://bonded@mail.example.org --mail-from notices@example.org`,
		Args: exactArgs(),
		RunE: func(c *cobra.Command, _ []string) error {
			if to == "" {
				return usagef("--to is missing in: bonded admin mail test")
			}
			cfg, err := readConfig(c.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			base := cfg.URL
			if base == "" {
				base = reachedAt(cfg.Listen)
			}
			r, err := notice.New(notice.Config{Server: cfg.Mail.Server, Password: cfg.Mail.Password, From: cfg.Mail.From, URL: base, Now: time.Now})
			if err != nil {
				return usageError{err}
			}
			if err := r.Test(c.Context(), to); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "the mail server took a mail to %s; see that it arrives and is not taken for spam\n", to)
			return nil
		},
	}
	configFlags(c, "url", "listen", "mail-server", "mail-from")
	c.Flags().StringVar(&to, "to", "", "address that the mail goes to")
	return c
}
