// Package closedpackages refuses new releases of a package that was archived or
// quarantined.
package closedpackages

import (
	"fmt"

	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges uploads against the status of the whole package.
var Check = screen.Check{ID: "closed-packages", Judge: judge}

func judge(c screen.Case) ([]bonded.Finding, error) {
	if !c.Draft.Publishes() {
		return nil, nil
	}
	next := ""
	switch c.Past.Status {
	case "archived":
		next = "its owner can set it to active again, which everybody will see in the log"
	case "quarantined":
		next = "the repository's moderators look at it; ask them"
	default:
		return nil, nil
	}
	return []bonded.Finding{{Verdict: bonded.Refuse,
		Reason: fmt.Sprintf("%s is %s and takes no new releases; %s", c.Draft.Name.Key, c.Past.Status, next)}}, nil
}
