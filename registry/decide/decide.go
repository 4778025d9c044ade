// Package decide turns findings into one verdict. It is pure, small and the
// whole policy of precedence: refuse beats hold beats admit, and no findings
// admit.
package decide

import "bonded.dev"

// Decide returns the verdict and, unless it is Admit, the finding that carried it.
func Decide(findings []bonded.Finding) (bonded.Verdict, bonded.Finding) {
	verdict, why := bonded.Admit, bonded.Finding{}
	for _, f := range findings {
		if f.Verdict < verdict {
			verdict, why = f.Verdict, f
		}
	}
	return verdict, why
}
