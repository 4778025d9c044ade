package pypi

import (
	"fmt"
	"strconv"

	"bonded.dev"
	"bonded.dev/internal/archive"
)

// findings collects what is odd about an upload. A flood of one rule is cut
// after a few, so that it cannot hide another or fill memory.
type findings struct {
	list []bonded.Anomaly
	seen map[string]int
}

const keptPerRule = 4

func (f *findings) add(kind bonded.AnomalyKind, rule, where, format string, args ...any) {
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	if f.seen[rule]++; f.seen[rule] > keptPerRule {
		return
	}
	f.list = append(f.list, bonded.Anomaly{Kind: kind, Rule: rule, Where: show(where), Detail: fmt.Sprintf(format, args...)})
}

// archive takes over what the archive reader noticed.
func (f *findings) archive(found []archive.Anomaly) {
	for _, a := range found {
		kind := bonded.Shape
		if a.Rule.Bound() {
			kind = bonded.Bound
		}
		detail := a.Detail
		if detail == "" {
			detail = "no strict reader accepts it"
		}
		f.add(kind, string(a.Rule), a.Entry, "%s", detail)
	}
}

// show makes hostile text fit for one line of an answer: printable ASCII, cut.
func show(s string) string {
	const longest = 120
	cut := len(s) > longest
	if cut {
		s = s[:longest]
	}
	s = strconv.QuoteToASCII(s)
	s = s[1 : len(s)-1]
	if cut {
		s += "..."
	}
	return s
}
