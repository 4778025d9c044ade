// Package audit measures a repository from outside: which controls it holds,
// which it only says it holds, and which nobody can tell.
//
//	Probe    looks for one control with the eyes of a stranger
//	Visit    what a probe may look at; every answer is fetched once and shared
//	Run      asks every probe and reports levels per track
//
// It reads and changes nothing. What cannot be seen is unknown: an audit that
// guesses is worth less than none. Two audits of a repository that did not
// change in between give the same answer.
package audit

import (
	"context"

	"bonded.dev/prove/visit"
)

// State is what is known of a control.
type State string

const (
	Held       State = "held"       // observed
	NotHeld    State = "not held"   // observed to be missing
	Documented State = "documented" // the operator points to a text that says so
	Unknown    State = "unknown"
	Beside     State = "not applicable"
)

// Finding is what a probe saw.
type Finding struct {
	State State
	// Why is one sentence for a person: what follows from the evidence.
	Why      string
	Evidence []Evidence
}

// Evidence is one thing that was seen.
type Evidence struct {
	URL string // what was asked
	Saw string // what came: a status, a header, a field
}

// Probe looks for one control. Answers that never came are an error; the
// control is then unknown and the error its reason.
type Probe func(ctx context.Context, v *Visit) (Finding, error)

// Visit is one audit's view of a repository in one dialect.
type Visit struct {
	Site *visit.Site
	// Packages are what is looked at: those that were asked for, else the first
	// that the repository names.
	Packages []*visit.Package
	// Credential is what the operator gave; empty: nobody's.
	Credential visit.Credential

	seen map[string]visit.Response
}

// Get fetches a URL once per audit; a reference is relative to the repository's
// base URL.
func (v *Visit) Get(ctx context.Context, ref, accept string) (visit.Response, error) {
	url := visit.Resolve(v.Site.Base, ref)
	key := accept + " " + url
	if r, ok := v.seen[key]; ok {
		return r, nil
	}
	r, err := v.Site.Web.Get(ctx, url, accept)
	if err != nil {
		return r, err
	}
	if v.seen == nil {
		v.seen = map[string]visit.Response{}
	}
	v.seen[key] = r
	return r, nil
}

// Say makes a finding.
func Say(s State, why string, evidence ...Evidence) (Finding, error) {
	return Finding{State: s, Why: why, Evidence: evidence}, nil
}
