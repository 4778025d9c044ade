package trusted

import (
	"slices"

	"bonded.dev/registry/record"
)

// Anybody may add a publisher that describes somebody else's job, to a package of
// their own or to a name that nobody has. A job says of its platform's accounts
// who it is and of ours nothing, so neither may cost whose job it really is.

// undisputed drops the pending publishers of names that the same job would take
// for more than one account: it cannot be known for which. dropped is one of them,
// nil if there was none.
func undisputed(chosen []record.Publisher) (left []record.Publisher, dropped *record.Publisher) {
	for i, p := range chosen {
		rival := func(o record.Publisher) bool {
			return o.Pending() && o.Creator != p.Creator && o.Package.Same(p.Package)
		}
		if p.Pending() && slices.ContainsFunc(chosen, rival) {
			dropped = &chosen[i]
			continue
		}
		left = append(left, p)
	}
	return left, dropped
}

// fair keeps the publishers of as many packages as one token is good for: the
// oldest of each creator before the second oldest of any.
func fair(chosen []record.Publisher) []record.Publisher {
	turn, rows := map[string]int{}, map[string]int{}
	for _, p := range chosen { // in the order in which they were made
		if _, ok := turn[p.Package.String()]; !ok {
			turn[p.Package.String()] = rows[p.Creator]
			rows[p.Creator]++
		}
	}
	if len(turn) <= maxPackages {
		return chosen
	}
	byTurn := slices.Clone(chosen)
	slices.SortStableFunc(byTurn, func(a, b record.Publisher) int { return turn[a.Package.String()] - turn[b.Package.String()] })
	kept := map[string]bool{}
	return slices.DeleteFunc(byTurn, func(p record.Publisher) bool {
		if len(kept) < maxPackages {
			kept[p.Package.String()] = true
		}
		return !kept[p.Package.String()]
	})
}
