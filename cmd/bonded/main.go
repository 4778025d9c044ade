// Command bonded is a package repository that stays trustworthy when parts of
// it are taken over. This package is wiring: one file for each verb, no logic
// that another room could hold.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"bonded.dev"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every verb.
const (
	exitOK      = 0
	exitNo      = 1 // the answer is no
	exitUsage   = 2 // wrong usage
	exitUnknown = 3 // could not find out
)

// errNo is returned by a verb whose answer is no and that has said why.
var errNo = errors.New("the answer is no")

// errUnknown is returned by a verb that could not find out and has said why.
var errUnknown = errors.New("could not find out")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errNo) {
		return exitNo
	}
	if errors.Is(err, errUnknown) {
		return exitUnknown
	}
	var usage usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(stderr, "bonded: %v\nSee: bonded --help\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "bonded: %v\n", explain(err))
	return exitCode(err)
}

// exitCode sorts what a room said into the codes above.
func exitCode(err error) int {
	var e *bonded.Error
	if !errors.As(err, &e) {
		return exitUnknown
	}
	switch e.Kind {
	case bonded.Invalid:
		return exitUsage
	case bonded.NotFound, bonded.Conflict, bonded.Forbidden, bonded.Refused:
		return exitNo
	}
	return exitUnknown
}

// explain prefers the public half of an error, and adds the cause: whoever
// runs a command on the host may see both.
func explain(err error) string {
	var e *bonded.Error
	if errors.As(err, &e) && e.Public != "" && e.Err != nil {
		return e.Public + " (" + e.Err.Error() + ")"
	}
	return err.Error()
}

// usageError marks what the person at the terminal can mend by typing.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "bonded",
		Short: "A package repository that stays trustworthy when parts of it are taken over",
		Long: `bonded is a package repository. Unmodified package managers publish to it and
install from it; every fact is an entry in a log that anyone can recompute.`,
		Example: `  bonded serve --data ./bonded-data
  bonded admin user add alice --email alice@example.org --data ./bonded-data
  bonded admin token add --user alice --scope 'publish:npm/*' --data ./bonded-data
  bonded log verify http://127.0.0.1:8420/
  bonded drill`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(serveCommand(), adminCommand(), changeCommand(), loginCommand(), logoutCommand(), whoamiCommand(), tokenCommand(), logCommand(), fsckCommand(), backupCommand(), restoreCommand(), drillCommand(), auditCommand(), guideCommand())
	return root
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unknown command %q for %q", args[0], c.CommandPath())
	}
	return nil
}

// exactArgs wants these arguments and names the missing one.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usagef("%s is missing in: bonded %s", names[len(args)], verb(c))
		}
		if len(args) > len(names) {
			return usagef("%q is one argument too many in: bonded %s", args[len(names)], verb(c))
		}
		return nil
	}
}

// verb is how a command is called, without the program.
func verb(c *cobra.Command) string { return strings.TrimPrefix(c.CommandPath(), "bonded ") }

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
