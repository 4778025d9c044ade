// Package namecanonical looks whether one package answers to every spelling of
// its name.
package namecanonical

import (
	"context"
	"fmt"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe asks for other spellings of a name: the same package may answer, or
// none, but never another. It claims no name.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	if len(v.Packages) == 0 {
		return audit.NoPackage()
	}
	p := pick(v.Packages)
	at, ok := place(v, p.Name)
	if !ok {
		return audit.Say(audit.Unknown, "names of this kind are paths, and each spelling is one of its own")
	}
	own, err := v.Ask(ctx, visit.Request{Method: "GET", URL: at})
	if err != nil {
		return audit.Finding{}, err
	}
	var seen []audit.Evidence
	for _, spelling := range spellings(v.Kind(), p.Name) {
		at, _ := place(v, spelling)
		r, err := v.Ask(ctx, visit.Request{Method: "GET", URL: at})
		if err != nil {
			return audit.Finding{}, err
		}
		switch {
		case !r.OK():
			seen = append(seen, audit.Evidence{URL: at, Saw: fmt.Sprintf("%d, no package", r.Status)})
		case like(r, own, spelling, p.Name):
			seen = append(seen, audit.Evidence{URL: at, Saw: "the same package"})
		default:
			return audit.Say(audit.NotHeld, fmt.Sprintf("%s and %s are two packages", p.Name, spelling), append(seen, audit.Evidence{URL: at, Saw: "another package"})...)
		}
	}
	if len(seen) == 0 {
		return audit.Say(audit.Unknown, "the names that were looked at have no second spelling; name a package with a separator with --package")
	}
	return audit.Say(audit.Unknown, fmt.Sprintf(
		"each of %s of %s leads to the same package or to none; whether somebody could claim one shows only a claim", audit.Count(len(seen), "other spelling"), p.Name), seen...)
}

// pick takes the package whose name can be written in most ways.
func pick(list []*visit.Package) *visit.Package {
	for _, p := range list {
		if strings.ContainsAny(p.Name, "-_.") {
			return p
		}
	}
	return list[0]
}

// place is where a name is looked up as it is written; visitors put it into
// its canonical form first, as honest clients do.
func place(v *audit.Visit, name string) (string, bool) {
	switch v.Kind() {
	case "npm":
		return v.Site.Root + strings.Replace(name, "/", "%2f", 1), true
	case "pypi":
		return v.Site.Root + name + "/", true
	case "cargo":
		return v.Site.Base + "api/v1/crates/" + name, true
	case "oci":
		return v.Site.Root + name + "/tags/list", true
	}
	return "", false
}

// spellings are other ways to write a name.
func spellings(kind, name string) (list []string) {
	add := func(s string) {
		if s != name {
			list = append(list, s)
		}
	}
	add(strings.ToUpper(name))
	if kind == "pypi" || kind == "cargo" {
		add(strings.ReplaceAll(name, "-", "_"))
	}
	if kind == "pypi" {
		add(strings.ReplaceAll(name, "-", "."))
		add(strings.ReplaceAll(name, "-", "--"))
	}
	return list
}

// like reports whether two answers are of one package: the same text, but for
// the spelling that was asked for.
func like(r, own visit.Response, spelling, name string) bool {
	return strings.ReplaceAll(string(r.Body), spelling, name) == strings.ReplaceAll(string(own.Body), spelling, name)
}
