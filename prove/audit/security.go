package audit

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// SecurityPath is where a repository says of itself how accounts and releases
// are guarded: docs/formats/security.md. What stands there is documented, and
// never more, until somebody looks.
const SecurityPath = "/.well-known/repository-security.json"

const securityFormat = "repository-security/v1"

// Security is that document, as far as an audit reads it. Members that it does
// not know are passed over; those that are missing say nothing in favour.
type Security struct {
	Format   string `json:"format"`
	Accounts struct {
		AddressProof      bool     `json:"addressProof"`
		Factors           []string `json:"factors"`
		Passwordless      bool     `json:"passwordless"`
		Writers           []string `json:"writers"`
		TokenMakers       []string `json:"tokenMakers"`
		NewDevice         string   `json:"newDevice"`
		BreachedPasswords []string `json:"breachedPasswords"`
		GuessesBounded    []string `json:"guessesBounded"`
		Session           struct {
			Idle  int64 `json:"idleSeconds"`
			Whole int64 `json:"wholeSeconds"`
		} `json:"session"`
		StepUp struct {
			Factors []string `json:"factors"`
			Seconds int64    `json:"seconds"`
		} `json:"stepUp"`
		Recovery struct {
			Policy  string `json:"policy"`
			Wait    int64  `json:"waitSeconds"`
			ByStaff *bool  `json:"byStaff"`
		} `json:"recovery"`
		SignIn        string   `json:"signIn"`
		LapsedDomains []string `json:"lapsedDomains"`
		Notices       []string `json:"notices"`
	} `json:"accounts"`
	Tokens struct {
		Prefix      string   `json:"prefix"`
		Checksum    string   `json:"checksum"`
		Longest     int64    `json:"longestSeconds"`
		Unused      int64    `json:"unusedSeconds"`
		Limits      []string `json:"limits"`
		LeakReports string   `json:"leakReports"`
	} `json:"tokens"`
	Jobs *struct {
		Audience string   `json:"audience"`
		Issuers  []string `json:"issuers"`
		Exchange string   `json:"exchange"`
		Once     bool     `json:"once"`
		Digests  bool     `json:"digests"`
		Triggers []string `json:"refusedTriggers"`
		Only     bool     `json:"only"`
	} `json:"trustedPublishing"`
	Publishing struct {
		Rights    []string `json:"rights"`
		TwoPerson string   `json:"twoPerson"`
		Wait      int64    `json:"weakerRulesWaitSeconds"`
	} `json:"publishing"`
}

// Security reads the document; nil when there is none in a form that is known.
func (v *Visit) Security(ctx context.Context) (*Security, error) {
	r, err := v.Get(ctx, SecurityPath, "application/json")
	if err != nil {
		return nil, err
	}
	s := &Security{}
	if !r.OK() || json.Unmarshal(r.Body, s) != nil || s.Format != securityFormat {
		return nil, nil
	}
	return s, nil
}

// tell adds what the repository says of itself. It fills a gap, as a text of the
// operator does; it never outweighs what was seen.
func (j *Judged) tell(c *Control, s *Security, base string) {
	if c.Told == nil || s == nil {
		return
	}
	said := c.Told(s)
	if said == "" {
		return
	}
	j.Evidence = append(j.Evidence, Evidence{URL: visit.Resolve(base, SecurityPath), Saw: plain("says: " + said)})
	switch j.State {
	case Unknown:
		j.State, j.Why = Documented, "the repository says so of itself; nobody looked whether it is so"
	case NotHeld:
		j.Why += "; the repository says otherwise of itself"
	}
}

// Hours says a time in seconds in hours, or days where it is whole ones.
func Hours(seconds int64) string {
	const hour, day = 3600, 24 * 3600
	switch {
	case seconds >= day && seconds%day == 0:
		return Count(int(seconds/day), "day")
	case seconds >= hour && seconds%hour == 0:
		return Count(int(seconds/hour), "hour")
	case seconds%60 == 0:
		return Count(int(seconds/60), "minute")
	}
	return fmt.Sprintf("%d seconds", seconds)
}
