package trusted

import (
	"maps"
	"slices"

	"bonded.dev"
	"bonded.dev/registry/record"
)

// job is what a statement says of a build job, ready to be compared.
type job struct {
	*statement
	subject string
	facts   map[string]string
}

// job reads what publishers are compared with. Jobs that strangers can start
// are refused here, whatever a publisher says.
func (s *statement) job() (*job, error) {
	j := &job{statement: s, subject: s.profile.subject(s.claims)}
	if j.subject == "" {
		return nil, refusal("the identity token does not say which repository or account it is of")
	}
	if p := s.profile; p.trigger != "" && !s.without(hardened) {
		started := s.claims.text(p.trigger)
		if !slices.Contains(p.starts, started) {
			why := p.refused[started]
			if why == "" {
				why = "no job that starts like this is known to be its owners' alone"
			}
			return nil, mismatch(p.trigger, started, why+", so such a job gets no upload token; publish from a job that starts with a push or a tag")
		}
	}
	if s.profile.derived != nil {
		facts, err := s.profile.derived(s.claims, s.issuer)
		if err != nil {
			return nil, err
		}
		j.facts = facts
	}
	return j, nil
}

// value is a claim, or a fact that stands inside one.
func (j *job) value(name string) string {
	if v, ok := j.facts[name]; ok {
		return v
	}
	return j.claims.text(name)
}

// strange is a job with the right names and a wrong id: the names were given
// up, and somebody else took them.
type strange struct{ error }

func (s strange) Unwrap() error { return s.error }

// fits compares a job with a publisher, claim by claim. The id of whoever has
// the name counts before everything else.
func (j *job) fits(p record.Publisher) error {
	for _, name := range j.profile.pins {
		if want := p.Claims[name]; want != "" && j.claims.text(name) != want && !j.without(pinning) {
			return strange{bonded.Refusal(bonded.Forbidden, pinning,
				"the claim %s of the identity token is %s and not the id that the trusted publisher of %s was bound to: the name %s may have gone to somebody else; if that is you, remove the publisher and add it again",
				name, show(j.claims.text(name)), p.Package, show(j.subject))}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Claims)) {
		want, got := p.Claims[name], j.value(name)
		if name == factRef && refFits(want, got) || name != factRef && got == want || slices.Contains(j.profile.pins, name) {
			continue
		}
		known := name
		if c := claimOf[j.profile.kind()][name]; c != "" {
			known = c
		}
		why := "the trusted publisher of " + p.Package.String() + " has another one"
		if name == factReusable {
			known, got = "job_workflow_ref", j.claims.text("job_workflow_ref")
			why = "the trusted publisher of " + p.Package.String() + " names another reusable workflow, or none"
		}
		if got == "" {
			return bonded.Refusal(bonded.Forbidden, "trusted-publishing", "the identity token has no claim %s, and the trusted publisher of %s wants one", known, p.Package)
		}
		return bonded.Refusal(bonded.Forbidden, "trusted-publishing", "the claim %s of the identity token is %s: %s", known, show(got), why)
	}
	return nil
}

// pinned returns a publisher's claims with the ids that the job has and that
// were not noted yet.
func (j *job) pinned(p record.Publisher) (all map[string]string, noted []string) {
	all = maps.Clone(p.Claims)
	for _, name := range j.profile.pins {
		if v := j.claims.text(name); v != "" && all[name] == "" && len(v) <= maxValue && plain(v) {
			all[name] = v
			noted = append(noted, name+" "+v)
		}
	}
	return all, noted
}
