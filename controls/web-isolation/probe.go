// Package webisolation looks at the walls between what publishers wrote and who
// reads it in a browser.
package webisolation

import (
	"context"
	"mime"
	"slices"
	"strings"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/visit"
)

// Probe reads the headers of the repository's pages and of a file.
var Probe audit.Probe = probe

func probe(ctx context.Context, v *audit.Visit) (audit.Finding, error) {
	var gaps []string
	var seen []audit.Evidence
	pages := 0
	where := places(v)
	s, err := v.Security(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	if s != nil && v.SameHost(s.Accounts.SignIn) {
		where = append(where, s.Accounts.SignIn)
	}
	for _, at := range where {
		r, err := v.Get(ctx, at, "text/html")
		if err != nil {
			return audit.Finding{}, err
		}
		kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if !r.OK() || kind != "text/html" {
			continue
		}
		pages++
		lacks := missing(r.Header)
		saw := "a page with every header"
		if len(lacks) > 0 {
			saw = "a page without " + strings.Join(lacks, ", ")
			if gap := "a page has no " + strings.Join(lacks, ", no "); !slices.Contains(gaps, gap) {
				gaps = append(gaps, gap)
			}
		}
		seen = append(seen, audit.Evidence{URL: at, Saw: saw})
	}
	if pages == 0 {
		return audit.Say(audit.Unknown, "no page for a browser stands where one was looked for")
	}
	samples, err := v.Samples(ctx)
	if err != nil {
		return audit.Finding{}, err
	}
	for _, s := range samples {
		if !v.SameHost(s.Answer.URL) {
			continue
		}
		gaps = append(gaps, "files of publishers come from the host of the pages")
		seen = append(seen, audit.Evidence{URL: s.File.URL, Saw: "on the host of the pages, " + isolated(s.Answer.Header)})
		break
	}
	switch {
	case len(gaps) > 0:
		return audit.Say(audit.NotHeld, strings.Join(gaps, "; "), seen...)
	case len(samples) == 0:
		return audit.Say(audit.Unknown, "pages forbid foreign scripts and frames; no file was there that would show where files come from", seen...)
	}
	return audit.Say(audit.Held, "pages forbid foreign scripts and frames, and files come from another host; whether the text of publishers is cleaned shows only an upload", seen...)
}

// places are where a browser would look: the front, and an index that some
// clients read as HTML.
func places(v *audit.Visit) []string {
	if v.Site.Root == v.Site.Base {
		return []string{v.Site.Base}
	}
	return []string{v.Site.Base, v.Site.Root}
}

// missing names the walls that a page lacks.
func missing(h visit.Header) (lacks []string) {
	csp := directives(h.Get("Content-Security-Policy"))
	scripts, ok := csp["script-src"]
	if !ok {
		scripts, ok = csp["default-src"]
	}
	switch {
	case !ok:
		lacks = append(lacks, "policy for scripts")
	case strings.Contains(scripts, "'unsafe-inline'") && !strings.Contains(scripts, "'nonce-") && !strings.Contains(scripts, "'sha"),
		strings.Contains(" "+scripts+" ", " * "):
		lacks = append(lacks, "strict policy for scripts")
	}
	if _, framed := csp["frame-ancestors"]; !framed && h.Get("X-Frame-Options") == "" {
		lacks = append(lacks, "rule against frames")
	}
	if !strings.EqualFold(h.Get("X-Content-Type-Options"), "nosniff") {
		lacks = append(lacks, "nosniff")
	}
	return lacks
}

func directives(csp string) map[string]string {
	out := map[string]string{}
	for part := range strings.SplitSeq(csp, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), " ")
		if _, twice := out[strings.ToLower(name)]; name != "" && !twice {
			out[strings.ToLower(name)] = value
		}
	}
	return out
}

func isolated(h visit.Header) string {
	switch {
	case strings.HasPrefix(h.Get("Content-Disposition"), "attachment"):
		return "as an attachment"
	case strings.EqualFold(h.Get("X-Content-Type-Options"), "nosniff"):
		return "with nosniff"
	}
	return "without nosniff"
}
