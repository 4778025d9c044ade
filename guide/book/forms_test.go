package book

import "testing"

func TestFirstSentence(t *testing.T) {
	for in, want := range map[string]string{
		"Installs `left-pad 1.3.0` today. And more.": "Installs `left-pad 1.3.0` today.",
		"One\nline. Two.":                     "One line.",
		"It costs 3 h. 5 min more. Then on.":  "It costs 3 h. 5 min more.",
		"No end\n\nNext paragraph.":           "No end",
		"See [this](control:a). `code` next.": "See [this](control:a).",
		"(Really.) Yes.":                      "(Really.)",
		"Written by J. Doe and K. Roe. Then.": "Written by J. Doe and K. Roe.",
	} {
		if got := first(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestGist(t *testing.T) {
	long := "A first sentence that is long enough to say by itself what its page is about."
	for in, want := range map[string]string{
		"Growth. Every victim infects\nthe next. More.": "Growth. Every victim infects the next.",
		"Growth.":                    "Growth.",
		"Growth.\n\nNext paragraph.": "Growth.",
		long + " And more.":          long,
	} {
		if got := gist(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for hours, want := range map[float64]string{
		.3: "18 minutes", 1: "1 hour", 2.53: "2.5 hours", 40.1: "40 hours", 48: "2 days", 120: "5 days",
		1848: "2.5 months", 17532: "2 years", 87660: "10 years",
	} {
		if got := span(hours); got != want {
			t.Errorf("%v: %q, want %q", hours, got, want)
		}
	}
}

func TestHas(t *testing.T) {
	for state, want := range map[string][2]string{
		"yes":                       {"yes", ""},
		"partly, per project":       {"partly", "per project"},
		"no (delete or yank)":       {"no", "delete or yank"},
		"partly (unchecked)":        {"partly", "(unchecked)"},
		"yes (a), later (b)":        {"yes", "(a), later (b)"},
		"no: tags move (unchecked)": {"no", "tags move (unchecked)"},
		"n/a":                       {"n/a", ""},
	} {
		word, detail := has(state)
		if word != want[0] || detail != want[1] {
			t.Errorf("%q: %q, %q", state, word, detail)
		}
	}
}

func TestRelative(t *testing.T) {
	if got := relative("threats/a", "controls/b", ".html"); got != "../controls/b.html" {
		t.Error(got)
	}
	if got := relative("index", "threats", ".md"); got != "threats.md" {
		t.Error(got)
	}
}

func TestColumns(t *testing.T) {
	rows := [][]string{{"name", "text"}, {"a", "a long text that must be broken somewhere in the middle of it"}}
	if w := columns(rows, 40); w == nil || w[0]+w[1]+2 != 40 {
		t.Errorf("widths %v", w)
	}
	if w := columns([][]string{{"1234567890", "1234567890", "1234567890", "1234567890", "1234567890", "1234567890"}}, 20); w != nil {
		t.Errorf("six columns in twenty: %v", w)
	}
}
