package book_test

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"bonded.dev/controls"
	"bonded.dev/guide"
	"bonded.dev/guide/book"
	"bonded.dev/guide/chapters"
	"bonded.dev/guide/peers"
	"bonded.dev/guide/taxonomies"
	"bonded.dev/incidents"
	"bonded.dev/threats"
)

// real is the guide as it stands, without the code that plays and judges.
func real(t *testing.T) *book.Printer {
	t.Helper()
	b, err := guide.Open(guide.Pages{
		Threats: threats.Pages, Controls: controls.Pages, Incidents: incidents.Pages,
		Chapters: chapters.Pages, Taxonomies: taxonomies.Pages, Peers: peers.Pages,
	}, guide.Code{Drills: []string{"version-overwrite"}})
	if err != nil {
		t.Fatal(err)
	}
	return book.New(b)
}

var (
	element = regexp.MustCompile(`<(/?)([a-zA-Z0-9]+)([^<>]*)>`)
	attr    = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// tags lists the start tags of a page, with their attributes.
func tags(html string) (list []tag) {
	for _, m := range element.FindAllStringSubmatch(html, -1) {
		x := tag{name: m[2], end: m[1] != "", attr: map[string]string{}}
		for _, a := range attr.FindAllStringSubmatch(m[3], -1) {
			x.attr[a[1]] = a[2]
		}
		list = append(list, x)
	}
	return list
}

type tag struct {
	name string
	end  bool
	attr map[string]string
}

// TestSite looks at every page of the site as a browser and a reader would.
func TestSite(t *testing.T) {
	p := real(t)
	pages := map[string]string{}
	for _, name := range p.Files() {
		b, err := p.File(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		pages[name] = string(b)
	}
	if len(pages) < 350 {
		t.Errorf("only %d files", len(pages))
	}
	anchors := map[string]bool{}
	for name, html := range pages {
		anchors[name] = true
		for _, x := range tags(html) {
			if id := x.attr["id"]; id != "" && strings.HasSuffix(name, ".html") {
				if anchors[name+"#"+id] {
					t.Errorf("%s: the id %s stands there twice", name, id)
				}
				anchors[name+"#"+id] = true
			}
		}
	}
	for name, html := range pages {
		if strings.HasSuffix(name, ".html") {
			checkPage(t, name, html, anchors)
		}
	}
}

func checkPage(t *testing.T, name, html string, anchors map[string]bool) {
	t.Helper()
	level, open := 0, []string{}
	for _, x := range tags(html) {
		if x.end {
			if len(open) == 0 || open[len(open)-1] != x.name {
				t.Errorf("%s: </%s> closes nothing", name, x.name)
				return
			}
			open = open[:len(open)-1]
			continue
		}
		if !slices.Contains([]string{"meta", "link", "input", "br", "hr", "line", "circle", "rect", "path", "html5"}, x.name) {
			open = append(open, x.name)
		}
		if x.attr["style"] != "" || x.name == "style" || x.name == "script" && x.attr["src"] == "" {
			t.Errorf("%s: %s %v is inline, which the policy forbids", name, x.name, x.attr)
		}
		for _, from := range []string{"href", "src"} {
			if to, ok := x.attr[from]; ok {
				checkLink(t, name, x, to, anchors)
			}
		}
		if len(x.name) == 2 && x.name[0] == 'h' && x.name[1] >= '1' && x.name[1] <= '6' {
			now := int(x.name[1] - '0')
			if now > level+1 || now == 1 && level > 0 {
				t.Errorf("%s: a heading of level %d after one of level %d", name, now, level)
			}
			level = now
		}
	}
	if len(open) > 0 {
		t.Errorf("%s: not closed: %v", name, open)
	}
	if n, d := strings.Count(html, "<svg"), strings.Count(html, "<desc>"); n != d {
		t.Errorf("%s: %d drawings, %d of them described", name, n, d)
	}
	for _, bad := range []string{"{{", "<no value>", "&amp;amp;", "](", "%!", "**", "ZgotmplZ"} {
		if strings.Contains(html, bad) {
			t.Errorf("%s: %q was not printed as it was meant: …%s…", name, bad, around(html, bad))
		}
	}
}

func around(s, what string) string {
	i := strings.Index(s, what)
	return s[max(0, i-60):min(len(s), i+60)]
}

func checkLink(t *testing.T, name string, x tag, to string, anchors map[string]bool) {
	t.Helper()
	if strings.HasPrefix(to, "https://") && x.name == "a" && x.attr["rel"] == "external noreferrer" {
		return
	}
	file, anchor, _ := strings.Cut(to, "#")
	at := name
	if file != "" {
		at = path.Join(path.Dir(name), file)
	}
	if anchor != "" {
		at += "#" + anchor
	}
	if !anchors[at] && at != name+"#content" {
		t.Errorf("%s: leads to %s, which is not there", name, to)
	}
}

func TestEveryPageIsReached(t *testing.T) {
	p := real(t)
	reached := map[string]bool{"index.html": true}
	for queue := []string{"index.html"}; len(queue) > 0; queue = queue[1:] {
		b, err := p.File(queue[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range tags(string(b)) {
			file, _, _ := strings.Cut(x.attr["href"], "#")
			to := path.Join(path.Dir(queue[0]), file)
			if x.name == "a" && strings.HasSuffix(to, ".html") && !strings.Contains(file, ":") && !reached[to] {
				reached[to] = true
				queue = append(queue, to)
			}
		}
	}
	for _, name := range p.Files() {
		if strings.HasSuffix(name, ".html") && !reached[name] {
			t.Errorf("no way leads from the front page to %s", name)
		}
	}
}

// TestFiltersFilter holds every choice against the entries that it leaves and
// against the style sheet that does the work.
func TestFiltersFilter(t *testing.T) {
	p := real(t)
	style := p.Style()
	for _, name := range []string{"threats", "controls", "incidents"} {
		b, err := p.HTML(name)
		if err != nil {
			t.Fatal(err)
		}
		all := tags(string(b))
		for _, x := range all {
			if x.attr["type"] != "radio" || x.attr["value"] == "all" {
				continue
			}
			data, value := "data-"+x.attr["name"], x.attr["value"]
			left := slices.ContainsFunc(all, func(e tag) bool {
				return e.name == "li" && slices.Contains(strings.Fields(e.attr[data]), value)
			})
			if !left && value != "drilled" && value != "undrilled" {
				t.Errorf("%s: the filter %s=%s leaves nothing", name, data, value)
			}
			if rule := fmt.Sprintf(".filters:has(#%s:checked) ~ .group > .entries > li:not([%s~=%q])", x.attr["id"], data, value); !strings.Contains(style, rule) {
				t.Errorf("%s: no rule filters %s=%s", name, data, value)
			}
		}
	}
}

func TestSingleFileNeedsNothing(t *testing.T) {
	b, err := real(t).Single()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	all := tags(string(b))
	for _, x := range all {
		if id := x.attr["id"]; id != "" {
			if ids[id] {
				t.Errorf("the id %s stands there twice", id)
			}
			ids[id] = true
		}
	}
	for _, x := range all {
		to, ok := x.attr["href"]
		switch {
		case x.attr["src"] != "" || x.name == "link" || x.attr["style"] != "":
			t.Errorf("%s %v needs something from elsewhere, or is inline", x.name, x.attr)
		case ok && strings.HasPrefix(to, "#"):
			if !ids[to[1:]] {
				t.Errorf("leads to %s, which is not there", to)
			}
		case ok && x.attr["rel"] != "external noreferrer":
			t.Errorf("leads to %s", to)
		}
	}
}

func TestMarkdownFolderIsWhole(t *testing.T) {
	p := real(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	files := p.MarkdownFiles()
	for name, at := range files {
		b, err := p.Markdown(at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if strings.Contains(string(b), "{{") || strings.Contains(string(b), "<svg") {
			t.Errorf("%s: holds what Markdown does not", name)
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			file, _, _ := strings.Cut(m[1], "#")
			if _, ok := files[path.Join(path.Dir(name), file)]; !ok && file != "" && !strings.HasPrefix(file, "https://") {
				t.Errorf("%s: leads to %s, which is not there", name, m[1])
			}
		}
	}
}

// TestTerminalIsEightyWide allows longer lines only where breaking them would
// change what they mean: code, and words.
func TestTerminalIsEightyWide(t *testing.T) {
	p := real(t)
	for _, topic := range p.Topics() {
		b, err := p.Topic(topic, book.AsText)
		if err != nil {
			t.Errorf("%s: %v", topic, err)
			continue
		}
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > book.Width && !strings.HasPrefix(line, "    ") {
				t.Errorf("%s: %d columns: %s", topic, utf8.RuneCountInString(line), line)
			}
			if strings.HasSuffix(line, " ") || strings.Contains(line, "](") {
				t.Errorf("%s: %q", topic, line)
			}
		}
	}
}

func TestFind(t *testing.T) {
	p := real(t)
	for query, want := range map[string]string{
		"immutable-versions":          "control:immutable-versions",
		"Immutable Versions":          "control:immutable-versions",
		"threat:dependency-confusion": "threat:dependency-confusion",
		"axios hijacked":              "incident:axios-2026",
	} {
		if list := p.Find(query); len(list) == 0 || list[0].String() != want {
			t.Errorf("%s: %v", query, list)
		}
	}
	if list := p.Find("no such thing"); len(list) > 0 {
		t.Errorf("found %v", list)
	}
	if list := p.Near("imutable-versions"); len(list) == 0 {
		t.Error("nothing is near a typing error")
	}
}

// chaptered is the real book with other chapters: one for each text.
func chaptered(t *testing.T, texts ...string) *book.Printer {
	t.Helper()
	files := fstest.MapFS{}
	for i, text := range texts {
		files[fmt.Sprintf("try-%d.md", i)] = &fstest.MapFile{Data: []byte("---\npart: do\norder: 1\nchecked: \"2026-01-01\"\n---\n\n# Try\n\nLead.\n\n## More\n\n" + text)}
	}
	b, err := guide.Open(guide.Pages{
		Threats: threats.Pages, Controls: controls.Pages, Incidents: incidents.Pages, Taxonomies: taxonomies.Pages, Chapters: files, Peers: peers.Pages,
	}, guide.Code{})
	if err != nil {
		t.Fatal(err)
	}
	return book.New(b)
}

func TestDirectives(t *testing.T) {
	wants := map[string]string{
		"{{matrix}}":                "Controls, the most important first",
		"{{maturity}}":              "4 Survives its own takeover",
		"{{timeline}}":              "Incidents by year and kind",
		"{{exposure}}":              "were over within 24 hours",
		"{{exposure all}}":          "were over within 24 hours",
		"{{helped 3}}":              "What would have helped most",
		"{{ranking 3}}":             "What attackers use most",
		"{{cheapest 3}}":            "Hours or days of work",
		"{{unlocks}}":               "What unlocks what",
		"{{holes}}":                 "open hole",
		"{{standing}}":              "What bonded has, by track",
		"{{registries npm}}":        "What npm has",
		"{{registries PyPI}}":       "Recorded as missing",
		"{{registries docker hub}}": "!no control says",
		"{{compare npm PyPI}}":      "<th scope=\"col\">PyPI</th>",
		"{{compare npm}}":           "!two names or more",
		"{{compare npm nobody}}":    "!what nobody has",
		"{{count covered}}":         "are covered,",
		"{{count beyond}}":          "no item of the Principles",
		"{{count basis}}":           "are seen,",
		"{{count effort}}":          "a matter of hours",
		"{{count sheep}}":           "!none of basis",
		"{{taxonomy slsa}}":         "SLSA",
		"{{taxonomy none}}":         "!no such taxonomy",
		"{{controls Client 2}}":     "controls/cooldown.html",
		"{{controls Client 9}}":     "!there are none",
		"{{threats account}}":       "threats/phishing-aitm.html",
		"{{threats moon}}":          "!there are none",
		"{{helped many}}":           "!wants one number",
		"{{matrix 3}}":              "!takes no argument",
		"{{dance}}":                 "!is none of",
		"Text {{matrix}} in text.":  "Text {{matrix}} in text.",
		"```\n{{matrix}}\n```":      "{{matrix}}",
		"```\nx\n\n{{dance}}\n```":  "{{dance}}",
	}
	texts := slices.Sorted(maps.Keys(wants))
	p := chaptered(t, texts...)
	for i, text := range texts {
		b, err := p.HTML(fmt.Sprintf("try-%d", i))
		want := wants[text]
		refused, no := strings.CutPrefix(want, "!")
		switch {
		case no && (err == nil || !strings.Contains(err.Error(), refused)):
			t.Errorf("%s: %v, want %q", text, err, refused)
		case !no && err != nil:
			t.Errorf("%s: %v", text, err)
		case !no && !strings.Contains(string(b), want):
			t.Errorf("%s: does not print %q", text, want)
		}
	}
}

func TestHTMLInAPageIsLeftOut(t *testing.T) {
	b, err := chaptered(t, "A <script>alert(1)</script> b.\n\n<img src=x onerror=alert(1)>\n\n[c](javascript:alert(1))\n").HTML("try-0")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(b), "<h2 id=\"more\"")
	for _, bad := range []string{"<script", "<img", "javascript:"} {
		if strings.Contains(body, bad) {
			t.Errorf("printed %s", bad)
		}
	}
}
