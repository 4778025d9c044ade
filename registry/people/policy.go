package people

import (
	"context"
	"strings"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
	"bonded.dev/registry/record"
)

// SetPolicy says how a package may be published, as somebody with the right to
// its settings. What makes it stricter is at once. What makes it weaker waits,
// and due says until when; of a change that does both, the stricter half is at
// once.
func (r *Room) SetPolicy(ctx context.Context, user string, name bonded.Name, want record.Policy) (due time.Time, err error) {
	_, err = r.Desk.Policy(ctx, name, person{room: r, user: user}, func(tx *record.Tx) error {
		due = time.Time{}
		if _, err := may(tx, user, Settings, name); err != nil {
			return err
		}
		now, err := tx.Policy(name)
		if err != nil {
			return err
		}
		strict := record.Policy{TrustedOnly: now.TrustedOnly || want.TrustedOnly, TwoPerson: now.TwoPerson || want.TwoPerson}
		if strict != now {
			if err := r.putPolicy(tx, user, name, strict, ""); err != nil {
				return err
			}
		}
		if want == strict {
			return nil
		}
		w := record.Waiting{Kind: waitPolicy, Package: name, Actor: user}
		due, err = r.wait(tx, w, loosening{strict.TrustedOnly && !want.TrustedOnly, strict.TwoPerson && !want.TwoPerson},
			"policy.ask", name.String(), "", "to be: "+terms(want))
		return err
	})
	return due, err
}

// loosening is what waits: which rules end. What is made stricter meanwhile
// stays.
type loosening struct {
	TrustedOnly bool `json:"trusted_only"`
	TwoPerson   bool `json:"two_person"`
}

func (r *Room) policyDue(ctx context.Context, w record.Waiting) error {
	var l loosening
	if err := read(w, &l); err != nil {
		return err
	}
	_, err := r.Desk.Policy(ctx, w.Package, publish.House{}, func(tx *record.Tx) error {
		if err := r.Waiting.Made(tx, w); err != nil {
			return err
		}
		if _, err := may(tx, w.Actor, Settings, w.Package); err != nil {
			return err
		}
		now, err := tx.Policy(w.Package)
		if err != nil {
			return err
		}
		now.TrustedOnly, now.TwoPerson = now.TrustedOnly && !l.TrustedOnly, now.TwoPerson && !l.TwoPerson
		return r.putPolicy(tx, "bonded", w.Package, now, ", as "+w.Actor+" asked")
	})
	return err
}

func (r *Room) putPolicy(tx *record.Tx, actor string, name bonded.Name, p record.Policy, why string) error {
	if err := tx.SetPolicy(name, p); err != nil {
		return err
	}
	return r.note(tx, actor, "policy", name.String(), "", terms(p)+why, "")
}

// terms are the rules of a policy, in words.
func terms(p record.Policy) string {
	var list []string
	if p.TrustedOnly {
		list = append(list, "trusted publishers only")
	}
	if p.TwoPerson {
		list = append(list, "two people for each release")
	}
	if len(list) == 0 {
		return "no further rules"
	}
	return strings.Join(list, ", ")
}
