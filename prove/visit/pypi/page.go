package pypi

import (
	"bytes"
	"net/url"
	"path"
	"strings"

	"golang.org/x/net/html"

	"bonded.dev/prove/visit"
)

// page is an HTML index, as far as clients read one.
type page struct {
	title   string
	metas   map[string]string // name to content
	anchors []anchor
}

type anchor struct {
	href string // absolute
	text string
	data map[string]string // attributes that start with "data-"
}

// parsePage reads an answer as a browser would, whatever it is.
func parsePage(r visit.Response) page {
	p := page{metas: map[string]string{}}
	if k := kind(r); k != "text/html" && k != typeHTML {
		return p
	}
	base, inTitle, inAnchor := r.URL, false, false
	z := html.NewTokenizer(bytes.NewReader(r.Body))
	for {
		switch z.Next() {
		case html.ErrorToken: // also the end
			return p
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			at := attributes(t)
			switch t.Data {
			case "base":
				base = visit.Resolve(r.URL, at["href"])
			case "meta":
				p.metas[at["name"]] = at["content"]
			case "title":
				inTitle = true
			case "a":
				if inAnchor = at["href"] != ""; inAnchor {
					p.anchors = append(p.anchors, anchorOf(base, at))
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			inTitle = inTitle && string(name) != "title"
			inAnchor = inAnchor && string(name) != "a"
		case html.TextToken:
			text := string(z.Text())
			if inTitle {
				p.title += text
			}
			if inAnchor {
				last := &p.anchors[len(p.anchors)-1]
				last.text = strings.TrimSpace(last.text + text)
			}
		}
	}
}

func attributes(t html.Token) map[string]string {
	out := map[string]string{}
	for _, a := range t.Attr {
		if _, twice := out[a.Key]; !twice {
			out[a.Key] = a.Val
		}
	}
	return out
}

func anchorOf(base string, at map[string]string) anchor {
	a := anchor{href: visit.Resolve(base, strings.TrimSpace(at["href"])), data: map[string]string{}}
	for name, value := range at {
		if strings.HasPrefix(name, "data-") {
			a.data[name] = value
		}
	}
	return a
}

// isProject reports whether a link of an index is what one must be: the name
// of a project that leads to its page right below (PEP 503).
func (a anchor) isProject(index string) bool {
	rest, below := strings.CutPrefix(a.href, index)
	rest, err := url.PathUnescape(strings.TrimSuffix(rest, "/"))
	return below && err == nil && rest != "" && normal(rest) == normal(a.text)
}

// file reads a link of a project's page. The digest is its fragment.
func (a anchor) file() file {
	f := file{yanked: has(a.data, "data-yanked"), requires: a.data["data-requires-python"]}
	ref, fragment, _ := strings.Cut(a.href, "#")
	f.Name, f.URL, f.Digests = a.text, ref, map[string]string{}
	if f.Name == "" {
		f.Name = path.Base(ref)
	}
	if kind, sum, ok := strings.Cut(fragment, "="); ok && digestName(kind) {
		f.Digests[kind] = strings.ToLower(sum)
	}
	f.Provenance = resolveTold(ref, a.data["data-provenance"])
	if has(a.data, "data-core-metadata") || has(a.data, "data-dist-info-metadata") {
		f.Metadata = ref + ".metadata"
	}
	return f
}

func has(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// resolveTold makes a reference absolute; "" stays "".
func resolveTold(base, ref string) string {
	if ref == "" {
		return ""
	}
	return visit.Resolve(base, ref)
}

// digestName tells a hash in a fragment from whatever else may stand there.
func digestName(s string) bool {
	switch s {
	case "md5", "sha1", "sha224", "sha256", "sha384", "sha512":
		return true
	}
	return false
}
