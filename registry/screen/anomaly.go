package screen

import (
	"fmt"

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
				text += fmt.Sprintf(" at %q", a.Where)
			}
			if a.Detail != "" {
				text += " (" + a.Detail + ")"
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
