package webtest

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Faults lists what is wrong with a page's HTML.
func Faults(text string) (list []string) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return []string{err.Error()}
	}
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if !strings.HasPrefix(text, "<!doctype html>") {
		say("it does not begin with a doctype")
	}
	count, ids, labelled, refs := map[string]int{}, map[string]int{}, map[string]bool{}, []string{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		ids[attr(n, "id")]++
		if n.Data == "label" {
			labelled[attr(n, "for")] = true
		}
		refs = append(refs, strings.Fields(attr(n, "aria-describedby")+" "+attr(n, "aria-labelledby"))...)
	}
	if count["h1"] != 1 || count["title"] != 1 || count["main"] != 1 {
		say("it has %d h1, %d title and %d main, and one of each is right", count["h1"], count["title"], count["main"])
	}
	for id, n := range ids {
		if id != "" && n > 1 {
			say("the id %q stands %d times", id, n)
		}
	}
	for _, id := range refs {
		if ids[id] == 0 {
			say("something is described by %q, which is not there", id)
		}
	}
	for n := range root.Descendants() {
		list = append(list, elementFaults(n, labelled)...)
	}
	return list
}

func elementFaults(n *html.Node, labelled map[string]bool) (list []string) {
	if n.Type != html.ElementNode {
		return nil
	}
	say := func(format string, args ...any) {
		list = append(list, "<"+n.Data+">: "+fmt.Sprintf(format, args...))
	}
	for _, at := range n.Attr {
		if strings.HasPrefix(at.Key, "on") || at.Key == "style" || at.Key == "placeholder" {
			say("it has the attribute %s", at.Key)
		}
	}
	switch n.Data {
	case "html":
		if attr(n, "lang") == "" {
			say("no language")
		}
	case "title":
		if strings.HasPrefix(textOf(n), " ·") || textOf(n) == "" {
			say("no title")
		}
	case "style":
		say("a style that the policy forbids")
	case "script":
		if attr(n, "src") == "" || n.FirstChild != nil {
			say("a script that the policy forbids")
		}
	case "input", "select", "textarea":
		wrapped := n.Parent != nil && n.Parent.Data == "label"
		if attr(n, "type") != "hidden" && !wrapped && !labelled[attr(n, "id")] {
			say("%s has no label", attr(n, "name"))
		}
	case "img":
		if attr(n, "alt") == "" {
			say("no alternative text")
		}
	case "button", "a", "h1", "h2", "label", "legend":
		if strings.TrimSpace(textOf(n)) == "" {
			say("nothing to read in it")
		}
	case "form":
		// What only looks something up may stand in the address.
		if attr(n, "method") != "post" && attr(n, "role") != "search" {
			say("method %q", attr(n, "method"))
		}
	}
	return list
}

func attr(n *html.Node, key string) string {
	i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
	if i < 0 {
		return ""
	}
	return n.Attr[i].Val
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// TextIn is what a page says: the text of its body, blanks made one.
func TextIn(page string) string {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	for n := range root.Descendants() {
		if n.Data == "main" {
			return strings.Join(strings.Fields(textOf(n)), " ")
		}
	}
	return strings.Join(strings.Fields(textOf(root)), " ")
}
