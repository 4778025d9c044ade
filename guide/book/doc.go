package book

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// doc is a page before it is printed. Its texts are Markdown.
type doc struct {
	at      address
	title   string
	kicker  string // what kind of page it is, in a word or two
	crumbs  []crumb
	marks   []mark
	lead    string
	glance  []fact // beside the text
	parts   []part
	wide    bool
	prev    address
	next    address
	checked string
	// related are pages that a terminal reader may ask for next.
	related []address
}

// crumb is a step of the way from the front page.
type crumb struct {
	to    address
	title string
}

// part is one of the types below.
type part any

type (
	// prose is Markdown of several blocks.
	prose string
	// command is what to type.
	command string
	// heading stands at level 2 or 3; tags say what a filter knows of all that
	// follows until the next one.
	heading struct {
		level int
		text  string
	}
	// group is what a filter shows or hides as a whole.
	group struct {
		tags  []tag
		parts []part
	}
	// folded is long, and opened by who wants it.
	folded struct {
		title string
		parts []part
	}
	// facts are names and values.
	facts []fact
	fact  struct{ name, value string }
	// entries are pages, each with what there is to know before going there.
	entries []entry
	entry   struct {
		to    address
		title string
		text  string
		marks []mark
		tags  []tag
	}
	// mark is a word or two about a thing; its class decides how it looks.
	mark struct{ class, text string }
	// tag is what a filter looks at.
	tag struct{ name, value string }
	// table has a caption, which is also its name for whoever cannot see it. A
	// quiet one stands below a heading that says the same.
	table struct {
		caption string
		quiet   bool
		class   string
		head    []string
		rows    []row
	}
	row  []cell
	cell struct {
		class string
		text  string
		list  []string // instead of text
	}
	// figure is a drawing with its data.
	figure struct {
		title string
		desc  string
		draw  func(to linker) string
		// narrow is drawn instead on a phone; nil: the same, which scrolls.
		narrow func(to linker) string
		data   table
	}
	// linker is how a drawing leads to a page and an anchor there.
	linker func(a address, anchor string) string
	// cards are few pages to choose from.
	cards []card
	card  struct {
		to    address
		title string
		text  string
		links []string
	}
	// filters choose what entries are shown.
	filters []filter
	filter  struct {
		name, label string
		options     [][2]string // value, label
	}
)

func text(format string, args ...any) cell { return cell{text: fmt.Sprintf(format, args...)} }

// ref is a link to a page.
func ref(a address, title string) string {
	return "[" + bracket.Replace(title) + "](" + a.String() + ")"
}

var bracket = strings.NewReplacer("[", `\[`, "]", `\]`)

// verbatim writes plain text so that Markdown reads it as that.
func verbatim(s string) string { return special.ReplaceAllString(s, `\$0`) }

var special = regexp.MustCompile("[\\\\`*_\\[\\]<>#|~]")

// first is the first sentence of a text, on one line.
func first(text string) string {
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.Join(strings.Fields(text), " ")
	for i := 0; i < len(text); i++ {
		if !strings.ContainsRune(".!?", rune(text[i])) || initial.MatchString(text[:i+1]) {
			continue
		}
		rest := strings.TrimLeft(text[i+1:], ")\"'")
		next := strings.TrimLeft(rest, " ")
		if rest == "" || rest != next && next != "" && opens(next) {
			return text[:len(text)-len(rest)]
		}
	}
	return text
}

// initial matches a text that ends as "by J." does: a name goes on.
var initial = regexp.MustCompile(`(^|[ (])[A-Z]\.$`)

// gist is what a list says of a page: its first sentence, and the next one when
// the first is so short that it says little by itself.
func gist(text string) string {
	const little, most = 60, 170
	text, _, _ = strings.Cut(text, "\n\n")
	text = strings.Join(strings.Fields(text), " ")
	s := first(text)
	rest := strings.TrimSpace(strings.TrimPrefix(text, s))
	if next := first(rest); len(s) < little && rest != "" && len(s)+len(next) < most {
		return s + " " + next
	}
	return s
}

// opens reports whether a text begins as a sentence does.
func opens(s string) bool {
	for _, r := range s {
		return unicode.IsUpper(r) || strings.ContainsRune("`[*(\"", r)
	}
	return false
}

// slug is a heading as an anchor.
func slug(s string) string {
	var out strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			out.WriteRune(r)
		case out.Len() > 0 && !strings.HasSuffix(out.String(), "-"):
			out.WriteByte('-')
		}
	}
	return strings.Trim(out.String(), "-")
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// span is a length of time for people.
func span(hours float64) string {
	short := func(v float64, unit string) string {
		s := strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
		if v >= 10 {
			s = fmt.Sprintf("%.0f", v)
		}
		if s == "1" {
			return "1 " + unit
		}
		return s + " " + unit + "s"
	}
	switch {
	case hours < 1:
		return fmt.Sprintf("%.0f minutes", hours*60)
	case hours < 48:
		return short(hours, "hour")
	case hours < 60*24:
		return short(hours/24, "day")
	case hours < 2*8766:
		return short(hours/730.5, "month")
	}
	return short(hours/8766, "year")
}

// upper makes the first letter large.
func upper(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}
