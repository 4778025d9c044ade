package screen

import (
	"fmt"
	"strings"

	"bonded.dev"
)

// maxNamed is how many anomalies one refusal spells out.
const maxNamed = 3

// RefuseAnomalies is the judgement of every control that refuses whatever an
// adapter noticed of one kind. lead starts the reason, next says what to do.
func RefuseAnomalies(kind bonded.AnomalyKind, lead, next string) Func {
	return func(c Case) ([]bonded.Finding, error) {
		text, n := "", 0
		for _, a := range c.Draft.Anomalies {
			if a.Kind != kind {
				continue
			}
			if n++; n > maxNamed {
				continue
			}
			if n > 1 {
				text += "; "
			}
			text += a.Rule
			if a.Where != "" {
				text += ` at "` + plain(a.Where) + `"`
			}
			if a.Detail != "" {
				text += " (" + plain(a.Detail) + ")"
			}
		}
		if n == 0 {
			return nil, nil
		}
		if n > maxNamed {
			text += fmt.Sprintf("; and %d more", n-maxNamed)
		}
		return []bonded.Finding{{Verdict: bonded.Refuse, Reason: lead + ": " + text + "; " + next}}, nil
	}
}

// plain keeps what an adapter forgot to escape off the client's terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
