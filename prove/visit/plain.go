package visit

import (
	"mime"
	"strings"
	"unicode"

	"golang.org/x/net/html"
)

// mostText is how much of an answer's text anybody wants to read, bytes.
const mostText = 2000

// Plain is what a person reads in the body of an answer: its text, an HTML
// page without its markup, on one line, without what moves a terminal's cursor.
func Plain(r Response) string {
	body := string(r.Body)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "text/html" {
		body = textOf(body)
	}
	if len(body) > mostText {
		body = body[:mostText]
	}
	body = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, strings.ToValidUTF8(body, "?"))
	return strings.Join(strings.Fields(body), " ")
}

// textOf drops markup, and with it style sheets and scripts.
func textOf(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	hidden := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.StartTagToken:
			name, _ := z.TagName()
			hidden = string(name) == "style" || string(name) == "script"
			b.WriteByte(' ')
		case html.EndTagToken:
			hidden = false
			b.WriteByte(' ')
		case html.TextToken:
			if !hidden {
				b.Write(z.Text())
			}
		}
	}
}
