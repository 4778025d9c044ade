package pypi

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		about, text string
		want        []field
		body, rule  string
	}{
		{"fields and a body", "Name: foo\nVersion: 1.0\n\nbody\n\nmore\n", []field{{"name", "foo"}, {"version", "1.0"}}, "body\n\nmore\n", ""},
		{"no body", "Name: foo", []field{{"name", "foo"}}, "", ""},
		{"carriage returns before line feeds", "Name: foo\r\nVersion:1\r\n\r\nbody\r\n", []field{{"name", "foo"}, {"version", "1"}}, "body\r\n", ""},
		{"folded", "Summary: a\n  b\n\tc\nName: foo\n", []field{{"summary", "a b c"}, {"name", "foo"}}, "", ""},
		{"folded after nothing", "License:\n    text\n     \n    more\n", []field{{"license", "text  more"}}, "", ""},
		{"a colon in the value", "Project-URL: Home, https://x.invalid/\n", []field{{"project-url", "Home, https://x.invalid/"}}, "", ""},
		{"upper case", "NAME: Foo\n", []field{{"name", "Foo"}}, "", ""},
		{"nothing", "", nil, "", ""},
		{"a body alone", "\nbody", nil, "body", ""},
		{"a fold that folds nothing", " Name: foo\n", nil, "", "metadata-header"},
		{"no colon", "Name: foo\nbar\nVersion: 1\n", []field{{"name", "foo"}}, "", "metadata-header"},
		{"an empty name", ": foo\n", nil, "", "metadata-header"},
		{"an envelope", "From me@x.invalid\nName: foo\n", nil, "", "metadata-header"},
		{"a vertical tab", "Name: a\vb\n", []field{{"name", "a\vb"}}, "", "metadata-control"},
	} {
		var found findings
		m := parseMessage([]byte(c.text), "METADATA", &found)
		if !reflect.DeepEqual(m.fields, c.want) || m.body != c.body {
			t.Errorf("%s: %q, body %q, want %q, %q", c.about, m.fields, m.body, c.want, c.body)
		}
		if (c.rule == "") != (len(found.list) == 0) || c.rule != "" && found.list[0].Rule != c.rule {
			t.Errorf("%s: %+v, want the rule %q", c.about, found.list, c.rule)
		}
	}
}

// emailScript reads JSON strings, one a line, and answers what email.parser
// makes of each: the fields, unfolded, and the body.
const emailScript = `
import sys, json, email.parser, email.policy
for line in sys.stdin:
    raw = json.loads(line).encode("utf-8")
    m = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(raw)
    fields = []
    for k, v in m._headers:
        v = v.encode("ascii", "surrogateescape").decode("utf-8")
        fields.append([k.lower(), " ".join(p.strip(" \t\r") for p in v.split("\n")).strip(" \t")])
    print(json.dumps([fields, m._payload.encode("ascii", "surrogateescape").decode("utf-8") if m._payload else ""]))
`

// TestMessagesAgainstEmail makes messages at random, right and slightly wrong
// ones. Where this reader finds nothing odd, Python's must see the same.
func TestMessagesAgainstEmail(t *testing.T) {
	python := pythonWith(t, "email")
	r := rand.New(rand.NewPCG(822, 1))
	var in strings.Builder
	var messages []*message
	clean := 0
	for range 5000 {
		text := randomMessage(r)
		var found findings
		m := parseMessage([]byte(text), "", &found)
		if len(found.list) > 0 {
			continue
		}
		clean++
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(line)
		in.WriteByte('\n')
		messages = append(messages, m)
	}
	if clean < 500 {
		t.Fatalf("only %d of 5000 messages were clean", clean)
	}
	out := strings.Split(strings.TrimSpace(string(runPython(t, python, emailScript, in.String()))), "\n")
	lines := strings.Split(in.String(), "\n")
	for i, m := range messages {
		got := [][2]string{}
		for _, f := range m.fields {
			got = append(got, [2]string{f.name, f.value})
		}
		var want struct {
			fields [][2]string
			body   string
		}
		var both []any
		if err := json.Unmarshal([]byte(out[i]), &both); err != nil {
			t.Fatal(err)
		}
		for _, f := range both[0].([]any) {
			pair := f.([]any)
			want.fields = append(want.fields, [2]string{pair[0].(string), pair[1].(string)})
		}
		want.body = both[1].(string)
		if len(got)+len(want.fields) > 0 && !reflect.DeepEqual(got, want.fields) || strings.TrimRight(m.body, "\r\n") != strings.TrimRight(want.body, "\r\n") {
			t.Errorf("%s:\n got %q %q\nwant %q %q", lines[i], got, m.body, want.fields, want.body)
		}
	}
}

func randomMessage(r *rand.Rand) string {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(pick("Name", "Version", "Requires-Dist", "requires-dist", "X-a.b_c", "Summary"))
		b.WriteString(pick(": ", ":", ":  ", ":\t", " : ") + pick("foo", "1.0", "ü", "a: b", "", "a b"))
		if r.IntN(4) == 0 {
			b.WriteString("\n" + pick(" ", "\t", "        ") + pick("more", "Requires-Dist: evil", "", "|"))
		}
		b.WriteString(pick("\n", "\n", "\n", "\n", "\r\n", "\n\n", "\r", "\nx\n", "\x0c\n"))
	}
	b.WriteString(pick("", "\n", "\nbody", "\nbody\n\nName: evil\n", " x", "\r\nbody"))
	return b.String()
}

func TestRequires(t *testing.T) {
	var found findings
	m, err := parseMetadata([]byte(metadataText("foo", "1.0",
		"Requires-Dist: A.b\nRequires-Dist: a-B[x] (>=1) ; extra == 'y'\nRequires-Dist: c@ https://x.invalid/c.whl\nRequires-Dist: d;python_version<'3'\nRequires-Dist: e>=1\nRequires-Dist: Foo[x]; extra == 'all'")), "", &found)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.requires("", &found); !reflect.DeepEqual(got, []string{"a-b", "c", "d", "e"}) || len(found.list) > 0 {
		t.Errorf("requires %q, %+v", got, found.list)
	}
}

func TestSummary(t *testing.T) {
	var found findings
	m, err := parseMetadata([]byte(metadataText("foo", "01.0", "Summary: does it\nKeywords: a, b ,,c\nLicense: "+strings.Repeat("x", 500)+
		"\nLicense-Expression: MIT\nHome-page: javascript:alert(1)\nProject-URL: Home Page, https://x.invalid/\nProject-URL: Docs, https://y.invalid/")), "", &found)
	if err != nil || len(found.list) > 0 {
		t.Fatal(err, found.list)
	}
	s := m.summary()
	if s.Version != "1.0" || s.Description != "does it" || s.License != "MIT" || s.Homepage != "https://x.invalid/" || !reflect.DeepEqual(s.Keywords, []string{"a", "b", "c"}) {
		t.Errorf("%+v", s)
	}
}

func FuzzMessage(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		f.Add(randomMessage(r))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var found findings
		m := parseMessage([]byte(text), "METADATA", &found)
		for _, fl := range m.fields {
			if fl.name != strings.ToLower(fl.name) || strings.ContainsAny(fl.value, "\n") {
				t.Errorf("field %q", fl)
			}
		}
		var again findings
		if meta, err := parseMetadata([]byte(text), "METADATA", &again); err == nil && wrongName(meta.name) != "" {
			t.Errorf("the name %q passes", meta.name)
		}
	})
}

// FuzzEntryPoints takes any entry_points.txt. What passes has no command, as
// Python's configparser would read it, with a separator in its name.
func FuzzEntryPoints(f *testing.F) {
	for _, s := range []string{"[console_scripts]\nx = a:b\n", "[gui_scripts]\n../x=a:b", "[x]\n../x=a", "[console_scripts]\n a\\b : c\n", "[console_scripts ]\r/x=y", "[console_scripts]x\n/y=z"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var found findings
		checkScripts(text, entryPoints, &found)
		if len(found.list) > 0 || !isASCII(string(text)) {
			return
		}
		section := ""
		for _, line := range strings.Split(string(text), "\n") {
			switch {
			case strings.HasPrefix(line, "[") && strings.Contains(line, "]"):
				section, _, _ = strings.Cut(line[1:], "]")
			case section == "console_scripts" || section == "gui_scripts":
				name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
				if ok && name != "" && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, ";") && strings.ContainsAny(name, `/\`) {
					t.Errorf("%q passes with the command %q", text, name)
				}
			}
		}
	})
}
