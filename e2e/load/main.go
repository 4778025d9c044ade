//go:build linux

// Command load measures bonded beside a static file server (nginx) and another
// npm registry (Verdaccio), in one run on one machine.
//
// The server under test runs on the first core alone, whoever asks it on the
// second. What counts for reads is work for each second of CPU time that the
// server's process tree used (user + system), so that a machine that does other
// things too gives much the same ratios as one that does not. Within a round
// every server is measured for every case, one after another; the figures are
// medians over the rounds.
//
// Nothing is faked for the measurement: the packages are published to bonded
// and to Verdaccio through the protocol of npm, with every control and every
// fsync that is on by default, and nginx serves the files that bonded
// answered with, their compressed forms beside them.
//
// Linux only: it pins processes and reads /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Cores.
const (
	serverCore = 0
	clientCore = 1
)

type options struct {
	rounds  int
	seconds time.Duration
	only    string
	bonded  string
	servers string
	out     string
	history string
	cases   string
	keep    bool
	where   string
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; figures are medians over them")
	flag.DurationVar(&o.seconds, "time", 2*time.Second, "time of one measurement")
	flag.StringVar(&o.only, "only", "", "reads or publish; empty: both")
	flag.StringVar(&o.bonded, "bonded", "", "the binary; empty: built from ./cmd/bonded")
	flag.StringVar(&o.servers, "servers", "nginx,bonded,verdaccio", "what to measure, with commas between; bonded is always there")
	flag.StringVar(&o.out, "out", "", "also write the tables to this file, as Markdown")
	flag.StringVar(&o.history, "history", "10,1000", "measure one more version on top of so many; 10000 takes minutes to get to; empty: none")
	flag.StringVar(&o.cases, "cases", "", "measure only reads whose name holds this")
	flag.StringVar(&o.where, "dir", "", "where the data goes; empty: the directory for temporary files")
	flag.BoolVar(&o.keep, "keep", false, "keep the data directories")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp(o.where, "bonded-load-")
	if err != nil {
		return err
	}
	if o.keep {
		fmt.Println("data in", dir)
	} else {
		defer os.RemoveAll(dir)
	}
	if o.bonded == "" {
		o.bonded = filepath.Join(dir, "bonded")
		if err := build(ctx, o.bonded); err != nil {
			return err
		}
	}
	if err := pin(clientCore); err != nil {
		return fmt.Errorf("pinning to core %d (two cores are needed): %w", clientCore, err)
	}
	l := &lab{options: o, dir: dir}
	defer l.stop()
	if err := l.start(ctx); err != nil {
		return err
	}
	var report strings.Builder
	out := io.MultiWriter(os.Stdout, &report)
	if o.only != "publish" {
		if err := l.reads(ctx, out); err != nil {
			return err
		}
	}
	if o.only != "reads" {
		if err := l.publishes(ctx, out); err != nil {
			return err
		}
	}
	if o.out != "" {
		return os.WriteFile(o.out, []byte(report.String()), 0o644)
	}
	return nil
}

func build(ctx context.Context, to string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "./cmd/bonded")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("building cmd/bonded: %w", err)
	}
	return nil
}

// lab is everything that runs.
type lab struct {
	options
	dir     string
	servers []*server
	bonded  *server
}

func (l *lab) start(ctx context.Context) error {
	var err error
	if l.bonded, err = startBonded(ctx, l.dir, l.options.bonded); err != nil {
		return err
	}
	for name := range strings.SplitSeq(l.options.servers, ",") {
		var s *server
		switch name {
		case "bonded":
			s = l.bonded
		case "nginx":
			s, err = startNginx(l.dir)
		case "verdaccio":
			s, err = startVerdaccio(ctx, l.dir)
		default:
			err = errors.New("there is nginx, bonded and verdaccio")
		}
		if err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		l.servers = append(l.servers, s)
	}
	return nil
}

func (l *lab) stop() {
	for _, s := range append(l.servers, l.bonded) {
		if s != nil {
			s.stop()
		}
	}
}

// named returns a server that is measured, or nil.
func (l *lab) named(name string) *server {
	for _, s := range l.servers {
		if s.name == name {
			return s
		}
	}
	return nil
}
