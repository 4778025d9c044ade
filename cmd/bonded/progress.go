package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress writes one line that changes, where somebody looks; nothing else.
type progress struct {
	w     io.Writer
	shown time.Time
	width int
}

// newProgress shows progress only on a terminal.
func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: w}
	}
	return &progress{}
}

// step is told how far a step of long work is.
func (p *progress) step(step string, done, total int) {
	if p.w == nil || time.Since(p.shown) < 100*time.Millisecond {
		return
	}
	p.shown = time.Now()
	p.line(fmt.Sprintf("%s %d/%d", step, done, total))
}

func (p *progress) done() {
	if p.w != nil && p.width > 0 {
		p.line("")
	}
}

func (p *progress) line(s string) {
	fmt.Fprintf(p.w, "\r%s%s\r%s", s, strings.Repeat(" ", max(0, p.width-len(s))), s)
	p.width = len(s)
}
