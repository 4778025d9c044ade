// Package namesimilarity refuses a new name that is taken for somebody else's.
package namesimilarity

import (
	"fmt"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/screen"
)

// Check judges the first draft of a name.
var Check = screen.Check{ID: "name-similarity", Judge: judge}

func judge(c screen.Case) ([]bonded.Finding, error) {
	if len(c.Alike) == 0 {
		return nil, nil
	}
	return []bonded.Finding{{Verdict: bonded.Refuse, Reason: fmt.Sprintf(
		"%s is too easily taken for %s, which somebody else has: they differ in separators or look-alike letters alone; choose another name",
		c.Draft.Name.Key, strings.Join(c.Alike, ", "))}}, nil
}
