package pypi

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

func TestVersionSpellings(t *testing.T) {
	for raw, want := range map[string][2]string{
		"1.0":                          {"1.0", "1"},
		"1.0.0":                        {"1.0.0", "1"},
		"0":                            {"0", "0"},
		"0.0":                          {"0.0", "0"},
		"v1.01":                        {"1.1", "1.1"},
		"1.0-1":                        {"1.0.post1", "1.post1"},
		"1.0-ALPHA_2":                  {"1.0a2", "1a2"},
		"1.0.preview":                  {"1.0rc0", "1rc0"},
		"1.0c3.r4.dev05":               {"1.0rc3.post4.dev5", "1rc3.post4.dev5"},
		"1!2.0":                        {"1!2.0", "1!2"},
		"0!2.0":                        {"2.0", "2"},
		"1.0+Ubuntu-01_a":              {"1.0+ubuntu.1.a", "1+ubuntu.1.a"},
		"20301231235959.0":             {"20301231235959.0", "20301231235959"},
		"1.99999999999999999999999999": {"1.99999999999999999999999999", "1.99999999999999999999999999"},
	} {
		v, ok := parseVersion(raw)
		if !ok || v.String() != want[0] || v.identity() != want[1] {
			t.Errorf("%q reads as %q, %q, %v, want %q", raw, v, v.identity(), ok, want)
		}
		for _, again := range want {
			if w, ok := parseVersion(again); !ok || w.identity() != want[1] {
				t.Errorf("%q is not its own canonical form", again)
			}
		}
	}
	for _, raw := range []string{"", "1.", ".1", "1.0 ", " 1", "1..0", "1.0-", "1.0x", "1.0+", "1.0+a..b", "1.0+é", "1!", "!1", "１.0", "1.0\n", "latest", "1.0/../2", strings.Repeat("1", 129)} {
		if v, ok := parseVersion(raw); ok {
			t.Errorf("%q reads as the version %s", raw, v)
		}
	}
}

// packagingScript answers, for each line "A B", how Python's packaging spells
// A and how it orders the two; "-" for what is no version.
const packagingScript = `
import sys
from packaging.version import Version, InvalidVersion
from packaging.utils import canonicalize_version
def read(s):
    try: return Version(s)
    except InvalidVersion: return None
for line in sys.stdin:
    a, b = line.rstrip("\n").split(" ")
    v, w = read(a), read(b)
    order = "-" if v is None or w is None else str((v > w) - (v < w))
    print(str(v) if v is not None else "-", canonicalize_version(v) if v is not None else "-", order)
`

// TestVersionsAgainstPackaging makes versions at random, right and slightly
// wrong ones, and wants the answers of the library that pip uses.
func TestVersionsAgainstPackaging(t *testing.T) {
	python := pythonWith(t, "packaging")
	r := rand.New(rand.NewPCG(440, 1))
	var in strings.Builder
	var pairs [][2]string
	for range 20000 {
		a := randomVersion(r)
		b := randomVersion(r)
		if r.IntN(3) == 0 {
			b = strings.NewReplacer("1", "01", ".", "-", "a", "ALPHA").Replace(a)
		}
		if max(len(a), len(b)) > longestVersion {
			continue
		}
		pairs = append(pairs, [2]string{a, b})
		fmt.Fprintf(&in, "%s %s\n", a, b)
	}
	out := bufio.NewScanner(bytes.NewReader(runPython(t, python, packagingScript, in.String())))
	valid := 0
	for _, p := range pairs {
		if !out.Scan() {
			t.Fatal("packaging answered fewer lines than asked")
		}
		want := out.Text()
		got := "- -"
		v, ok := parseVersion(p[0])
		if ok {
			valid++
			got = v.String() + " " + v.identity()
		}
		w, okW := parseVersion(p[1])
		if ok && okW {
			got += fmt.Sprintf(" %d", v.compare(w))
		} else {
			got += " -"
		}
		if got != want {
			t.Errorf("%q and %q: got %q, packaging says %q", p[0], p[1], got, want)
		}
	}
	if valid < 8000 {
		t.Errorf("only %d of %d random versions were valid", valid, len(pairs))
	}
}

func randomVersion(r *rand.Rand) string {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	num := func() string { return pick("0", "1", "2", "10", "00", "01", "007", "98765432109876543210") }
	maybe := func(s string) string { return pick("", s) }
	seldom := func(s string) string {
		if r.IntN(6) == 0 {
			return s
		}
		return ""
	}
	sep := func() string { return pick("", ".", "-", "_") }
	s := seldom("v") + seldom(num()+"!") + num()
	for range r.IntN(4) {
		s += "." + num()
	}
	s += maybe(sep() + pick("a", "b", "c", "rc", "alpha", "Beta", "pre", "preview", "RC") + sep() + maybe(num()))
	s += seldom("-"+num()) + seldom(sep()+pick("post", "rev", "r", "Post")+sep()+maybe(num()))
	s += seldom(sep() + pick("dev", "DEV") + sep() + maybe(num()))
	s += seldom("+" + pick("a", "01", "ab1", "1a", "A") + seldom(pick(".", "-", "_")+pick("1", "x", "")))
	if r.IntN(12) == 0 {
		at := r.IntN(len(s) + 1)
		s = s[:at] + pick(".", "-", "x", "+", "!", "1", "_") + s[at:]
	}
	return s
}

// pythonWith finds a Python that can import the module, or skips.
func pythonWith(t *testing.T, module string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import "+module).Run()
	}
	if err != nil {
		t.Skipf("python3 with the module %s is missing; install it with: python3 -m pip install %s", module, module)
	}
	return python
}

func runPython(t *testing.T, python, script, in string) []byte {
	t.Helper()
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = strings.NewReader(in)
	var bad bytes.Buffer
	cmd.Stderr = &bad
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, bad.Bytes())
	}
	return out
}
