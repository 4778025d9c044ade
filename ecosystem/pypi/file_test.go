package pypi

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestFileSpellings(t *testing.T) {
	for sent, want := range map[string]string{
		"foo-1.0-py3-none-any.whl":                  "foo-1.0-py3-none-any.whl",
		"Foo.Bar-1.0-py2.py3-none-any.whl":          "foo_bar-1.0-py2.py3-none-any.whl",
		"foo_bar-01.0.0-1Build-CP39-abi3-Win32.whl": "foo_bar-1.0.0-1build-cp39-abi3-win32.whl",
		"foo-1.0.alpha1-py3-none-any.whl":           "foo-1.0a1-py3-none-any.whl",
		"foo-1!1.0+Ab_1-py3-none-any.whl":           "foo-1!1.0+ab.1-py3-none-any.whl",
		"foo-1.0.tar.gz":                            "foo-1.0.tar.gz",
		"Foo.bar-baz-1.0.0.tar.gz":                  "foo_bar_baz-1.0.0.tar.gz",
		"foo-bar-1.0-beta.tar.gz":                   "foo_bar-1.0b0.tar.gz",
	} {
		f, err := parseFile(sent)
		if err != nil || f.String() != want {
			t.Errorf("%q is kept as %q, %v, want %q", sent, f, err, want)
		}
		if again, err := parseFile(want); err != nil || again.String() != want {
			t.Errorf("%q is not its own spelling: %q, %v", want, again, err)
		}
	}
}

func TestNamed(t *testing.T) {
	for _, c := range []struct {
		stem, key, version string
		want               bool
	}{
		{"foo-1.0", "foo", "1.0", true},
		{"Foo-1.0.0", "foo", "1.0", true},
		{"foo.bar-1.0", "foo-bar", "1.0", true},
		{"foo-bar-1.0", "foo-bar", "1.0", true},
		{"foo-1.0-1", "foo", "1.0.post1", true},
		{"foo-1-1.0", "foo-1", "1.0", true},
		{"foo-1-1.0", "foo", "1", false},
		{"foo", "foo", "1.0", false},
		{"foo-", "foo", "1.0", false},
		{"foo-1.0", "foo", "1.1", false},
		{"-1.0", "foo", "1.0", false},
		{"foo-1.0" + strings.Repeat("-", longestFile), "foo", "1.0", false},
	} {
		v, ok := parseVersion(c.version)
		if !ok {
			t.Fatal(c.version)
		}
		if got := named(c.stem, c.key, v); got != c.want {
			t.Errorf("named(%q, %s, %s) = %v", c.stem, c.key, c.version, got)
		}
	}
}

const wheelNameScript = `
import sys
from packaging.utils import parse_wheel_filename, InvalidWheelFilename
for line in sys.stdin:
    try:
        name, version, build, tags = parse_wheel_filename(line.rstrip("\n"))
        print(name, version, "".join(map(str, build)) or "-", ",".join(sorted(map(str, tags))))
    except InvalidWheelFilename:
        print("-")
`

// TestWheelNamesAgainstPackaging wants packaging to read the kept spelling as
// it reads the sent one, and everything that is taken to be valid there too.
func TestWheelNamesAgainstPackaging(t *testing.T) {
	python := pythonWith(t, "packaging")
	r := rand.New(rand.NewPCG(427, 1))
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	var in strings.Builder
	var sent []string
	for range 5000 {
		s := pick("foo", "Foo_bar", "foo.bar", "f", "foo_", "_foo", "fo o", "") + "-" + pick("1.0", "1.0.0", "01", "1.0_1", "1.0+a", "x", "") +
			pick("", "", "", "-1", "-1a", "-a", "-") + "-" + pick("py3", "py2.py3", "CP39", "", "py3.") + "-" + pick("none", "abi3", "no.ne") +
			"-" + pick("any", "Linux_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "a b") + pick(".whl", ".whl", ".whl", ".WHL", "")
		f, err := parseWheelName(s)
		if err != nil || !strings.HasSuffix(s, ".whl") {
			continue
		}
		sent = append(sent, s)
		fmt.Fprintf(&in, "%s\n%s\n", s, f)
	}
	if len(sent) < 100 {
		t.Fatalf("only %d names were taken", len(sent))
	}
	out := bufio.NewScanner(bytes.NewReader(runPython(t, python, wheelNameScript, in.String())))
	line := func() string {
		if !out.Scan() {
			t.Fatal("packaging answered fewer lines than asked")
		}
		return out.Text()
	}
	for _, s := range sent {
		if was, kept := line(), line(); was == "-" || was != kept {
			t.Errorf("%q: packaging reads it as %q and what it is kept as as %q", s, was, kept)
		}
	}
}

func FuzzFileName(f *testing.F) {
	for _, s := range []string{"foo-1.0-py3-none-any.whl", "Foo.Bar-1.0-1-py3-none-any.whl", "a-b-1-1.tar.gz", "foo-1!0+a.tar.gz", "-.whl", ".tar.gz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		file, err := parseFile(s)
		if err != nil {
			return
		}
		kept := file.String()
		if strings.ContainsAny(kept, "/\\\x00 ") || !isASCII(kept) || strings.HasPrefix(kept, ".") {
			t.Errorf("%q is kept as %q", s, kept)
		}
		again, err := parseFile(kept)
		if len(kept) <= longestFile && (err != nil || again.String() != kept || again.key != file.key) {
			t.Errorf("%q is kept as %q, which reads as %q, %v", s, kept, again, err)
		}
	})
}

func FuzzVersion(f *testing.F) {
	for _, s := range []string{"1.0", "v1!2.0a1.post2.dev3+x.1", "1-1", "1.0-ALPHA_2"} {
		f.Add(s, "1.0")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		v, ok := parseVersion(a)
		if ok {
			w, ok := parseVersion(v.identity())
			if !ok || w.identity() != v.identity() || v.compare(w) != 0 {
				t.Errorf("%q has the identity %q, which is %q", a, v.identity(), w.identity())
			}
		}
		if x, y := (Ecosystem{}).Compare(a, b), (Ecosystem{}).Compare(b, a); x != -y {
			t.Errorf("Compare(%q, %q) = %d and %d", a, b, x, y)
		}
		if w, okB := parseVersion(b); ok && okB && (v.compare(w) == 0) != (v.identity() == w.identity()) {
			t.Errorf("%q and %q: order and identity disagree", a, b)
		}
	})
}
