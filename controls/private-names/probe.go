// Package privatenames looks whether a private package looks like one that was
// never there.
package privatenames

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe needs a package that a credential can read and a stranger cannot, and
// compares what the stranger is told with what is told about a name that nobody
// has. It does not take the time of answers.
var Probe audit.Probe = probe

// nobodys is a name that nobody has.
const nobodys = "bonded-audit-nobody-has-this-name"

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	if v.Credential == "" || len(v.Missing) == 0 {
		return audit.Say(audit.Unknown, "no private package was named; give one with --package and a credential that can read it")
	}
	for _, name := range v.Missing {
		with, err := ask(ctx, v, name, header(v))
		if err != nil {
			return audit.Finding{}, err
		}
		if !with.OK() {
			continue
		}
		private, err := ask(ctx, v, name, "")
		if err != nil {
			return audit.Finding{}, err
		}
		none, err := ask(ctx, v, nobodys, "")
		if err != nil {
			return audit.Finding{}, err
		}
		seen := audit.Evidence{URL: at(v, name), Saw: fmt.Sprintf("%d for a stranger, %d for a name that nobody has", private.Status, none.Status)}
		if difference := differ(private, none, name); difference != "" {
			return audit.Say(audit.NotHeld, "a stranger can tell a private package from none: "+difference, seen)
		}
		return audit.Say(audit.Held, "what a stranger is told about a private package and about none is the same; whether it takes the same time was not measured", seen)
	}
	return audit.Say(audit.Unknown, "the credential reads none of the packages that a stranger cannot")
}

func header(v *audit.Visit) string {
	if v.Kind() == "pypi" {
		return v.Credential.Basic("__token__")
	}
	return v.Credential.Bearer()
}

func at(v *audit.Visit, name string) string {
	switch v.Kind() {
	case "pypi":
		return v.Site.Root + url.PathEscape(name) + "/"
	case "oci":
		return v.Site.Root + name + "/tags/list"
	}
	return v.Site.Root + strings.Replace(url.PathEscape(name), "%40", "@", 1)
}

func ask(ctx context.Context, v *audit.Visit, name, authorization string) (visit.Response, error) {
	r := visit.Request{Method: "GET", URL: at(v, name), NoRedirect: true}
	if authorization != "" {
		r.Header = map[string]string{"Authorization": authorization}
	}
	return v.Ask(ctx, r)
}

// differ says in what two answers differ beyond the name that was asked for.
func differ(private, none visit.Response, name string) string {
	same := func(text string) string {
		for _, n := range []string{name, nobodys, url.PathEscape(name)} {
			text = strings.ReplaceAll(text, n, "NAME")
		}
		return text
	}
	switch {
	case private.Status != none.Status:
		return "the status differs"
	case same(string(private.Body)) != same(string(none.Body)):
		return "the text differs"
	}
	names := func(r visit.Response) []string { return slices.Sorted(maps.Keys(r.Header)) }
	if !slices.Equal(names(private), names(none)) {
		return "the headers differ"
	}
	return ""
}
