// Package screen runs every control over every draft, for every ecosystem. It
// is the only place where controls run, and it fails closed: a control that
// errs, panics or answers nothing at all where it must answer is a refusal.
//
// A control is a pure function of a [Case]; it opens nothing and knows no
// other control. Which controls run is a list the caller hands in.
package screen

import (
	"context"
	"fmt"
	"time"

	"bonded.dev"
)

// Case is all that a control may look at.
type Case struct {
	Draft *bonded.Draft
	Past  *bonded.Package // the package before the draft; never nil
	Now   time.Time
	Usage Usage
	User  string // who asks
	// Alike are names of others that look like the draft's. They are looked up
	// only when the draft takes a name that nobody had.
	Alike []string
}

// Usage is what is known of a package beyond its history. It is looked up only
// when the draft removes something.
type Usage struct {
	Downloads  int64 // in the last 30 days
	Dependants int   // packages here that depend on it
}

// Func is a control's judgement. It returns a finding for each thing it
// objects to and none when it has nothing against the draft.
type Func func(Case) ([]bonded.Finding, error)

// Check is a control as the executor sees it.
type Check struct {
	ID    string
	Judge Func
}

// Examine asks every check and returns all findings. It never returns fewer
// objections than there are: what went wrong inside a check is one of them.
func Examine(ctx context.Context, checks []Check, c Case) []bonded.Finding {
	var all []bonded.Finding
	for _, check := range checks {
		if err := ctx.Err(); err != nil {
			return append(all, broken(check.ID, err))
		}
		found, err := judge(check, c)
		if err != nil {
			all = append(all, broken(check.ID, err))
			continue
		}
		for _, f := range found {
			f.Control = check.ID
			all = append(all, f)
		}
	}
	return all
}

func judge(check Check, c Case) (found []bonded.Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return check.Judge(c)
}

// broken is the refusal for a control that could not do its work. The reason
// tells the client no details: they may come from hostile input.
func broken(id string, err error) bonded.Finding {
	return bonded.Finding{
		Control: id, Verdict: bonded.Refuse, Kind: bonded.Unavailable,
		Reason: "a control could not finish, and what cannot be checked is not accepted; try again, and tell the administrator if it stays",
		Err:    err,
	}
}
