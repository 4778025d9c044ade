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
	f.keep(bonded.Anomaly{Kind: kind, Rule: rule, Where: show(where), Detail: fmt.Sprintf(format, args...)})
}

func (f *findings) keep(a bonded.Anomaly) {
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	if f.seen[a.Rule]++; f.seen[a.Rule] <= keptPerRule {
		f.list = append(f.list, a)
	}
}

// archive takes over what the archive reader noticed, whose texts are fit for
// an answer already.
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
		f.keep(bonded.Anomaly{Kind: kind, Rule: string(a.Rule), Where: a.Entry, Detail: detail})
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
