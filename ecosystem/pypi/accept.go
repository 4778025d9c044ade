package pypi

import (
	"mime"
	"strconv"
	"strings"
)

// The serializations of the simple API (PEP 691 "Content-Types"). HTML is
// served as text/html, its alias, which browsers show.
const (
	typeJSON = "application/vnd.pypi.simple.v1+json"
	typeHTML = "text/html"
)

// The media types that documents are served with besides JSON's.
const (
	typePage     = typeHTML + "; charset=utf-8"
	typeMetadata = "text/plain; charset=utf-8"
)

// serializations maps every name that a client may use.
var serializations = map[string]string{
	typeJSON: typeJSON,
	"application/vnd.pypi.simple.latest+json": typeJSON,
	"application/vnd.pypi.simple.v1+html":     typeHTML,
	"application/vnd.pypi.simple.latest+html": typeHTML,
	typeHTML: typeHTML,
}

// serialization picks one by the URL parameter format, or else by Accept with
// its quality values (RFC 9110 section 12.5.1); "" when the client takes
// neither. Between equals JSON wins, as the more expressive one, unless the
// client would take anything at all: those are browsers and old installers.
func serialization(format, accept string) string {
	if format != "" {
		return serializations[format]
	}
	if strings.TrimSpace(accept) == "" {
		return typeHTML
	}
	best := map[string]weight{}
	for name, s := range serializations {
		if w := weigh(accept, name); w.above(best[s]) {
			best[s] = w
		}
	}
	j, h := best[typeJSON], best[typeHTML]
	switch {
	case j.q == 0 && h.q == 0:
		return ""
	case j.q > h.q, j.q == h.q && j.exact > 0:
		return typeJSON
	}
	return typeHTML
}

// weight is how much a client wants a media type, and how exactly it said so.
type weight struct {
	q     float64
	exact int // 2 named, 1 type/*, 0 */*
}

func (w weight) above(o weight) bool { return w.q > o.q || w.q == o.q && w.exact > o.exact }

// weigh finds the most exact range that takes the media type.
func weigh(accept, name string) (best weight) {
	best.exact = -1
	kind, _, _ := strings.Cut(name, "/")
	for part := range strings.SplitSeq(accept, ",") {
		of, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		exact := map[string]int{name: 2, kind + "/*": 1, "*/*": 0}
		at, ok := exact[of]
		if !ok || at < best.exact {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		if at > best.exact || q > best.q {
			best = weight{q, at}
		}
	}
	return best
}
