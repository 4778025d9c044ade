// Package dataminimise looks for people's addresses in public documents.
package dataminimise

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/audit"
)

// Probe looks whether the index gives away the mail addresses of accounts. What
// is stored, and for how long, cannot be seen, so that this is never seen to be
// held.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	if v.Kind() != "npm" {
		return audit.Say(audit.Unknown, "the index of this kind names no accounts; what is stored, and for how long, cannot be seen")
	}
	for _, p := range v.Packages {
		at := v.Site.Root + strings.Replace(url.PathEscape(p.Name), "%40", "@", 1)
		r, err := v.Get(ctx, at, "application/json")
		if err != nil {
			return audit.Finding{}, err
		}
		var doc struct {
			Maintainers []person                  `json:"maintainers"`
			Versions    map[string]jsontext.Value `json:"versions"`
		}
		if json.Unmarshal(r.Body, &doc) != nil {
			continue
		}
		people := doc.Maintainers
		for _, version := range doc.Versions {
			var one struct {
				By          person   `json:"_npmUser"`
				Maintainers []person `json:"maintainers"`
			}
			if json.Unmarshal(version, &one) == nil {
				people = append(append(people, one.Maintainers...), one.By)
			}
		}
		shown := 0
		for _, who := range people {
			if strings.Contains(who.Email, "@") {
				shown++
			}
		}
		if shown > 0 {
			return audit.Say(audit.NotHeld, "the index tells everybody the mail addresses of accounts",
				audit.Evidence{URL: at, Saw: fmt.Sprintf("%d addresses of accounts of %s", shown, p.Name)})
		}
	}
	if len(v.Packages) == 0 {
		return audit.NoPackage()
	}
	return audit.Say(audit.Unknown, "the index names no addresses of accounts; what is stored, and for how long, cannot be seen")
}

type person struct {
	Email string `json:"email"`
}
