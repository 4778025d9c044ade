package publish_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/publish"
)

// member is one file of an archive that a test makes.
type member struct{ path, text string }

func tgz(t *testing.T, members ...member) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, m := range members {
		mode := int64(0o644)
		if strings.HasSuffix(m.path, ".sh") {
			mode = 0o755
		}
		must(t, w.WriteHeader(&tar.Header{Name: m.path, Mode: mode, Size: int64(len(m.text)), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(m.text))
		must(t, err)
	}
	must(t, w.Close())
	must(t, z.Close())
	return out.String()
}

// reviewed stages a release on top of another one and returns what bob sees.
func reviewed(t *testing.T, before, after []member) publish.Review {
	t.Helper()
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	must(t, h.pass("alice", "pad", "1.0.1", tgz(t, before...)))
	r, err := h.Review(ctx, h.stage("alice", "pad", "1.1.0", tgz(t, after...)), h.person("bob"))
	must(t, err)
	return r
}

// pass stages a release and approves it.
func (h *house) pass(user, pkg, version, body string) error {
	h.t.Helper()
	_, err := h.Approve(context.Background(), h.stage(user, pkg, version, body), h.person("bob"))
	return err
}

// brief is a review as text.
func brief(r publish.Review) (lines []string) {
	for _, f := range r.Files {
		lines = append(lines, f.Change+" "+f.Path)
		if f.Binary {
			lines = append(lines, "  binary")
		}
		for _, l := range f.Lines {
			lines = append(lines, "  "+l.Sign+l.Text)
		}
		if f.MoreLines > 0 {
			lines = append(lines, fmt.Sprintf("  %d more", f.MoreLines))
		}
	}
	return lines
}

func TestReviewShowsWhatIsNew(t *testing.T) {
	r := reviewed(t,
		[]member{{"pad-1.0.1/same", "s"}, {"pad-1.0.1/lib", "one\ntwo\nthree\n"}, {"pad-1.0.1/old", "gone\n"}, {"pad-1.0.1/bin", "\x00\x01"}, {"pad-1.0.1/moved.txt", "m"}},
		[]member{{"pad-1.1.0/same", "s"}, {"pad-1.1.0/lib", "one\n2\nthree\n"}, {"pad-1.1.0/new.sh", "curl\n"}, {"pad-1.1.0/bin", "\x00\x02"}, {"pad-1.1.0/moved.txt", "m"}})
	want := []string{
		"changed pad-1.1.0/bin", "  binary",
		"changed pad-1.1.0/lib", "  -two", "  +2",
		"added pad-1.1.0/new.sh", "  +curl",
		"removed pad-1.0.1/old", "  -gone",
	}
	slices.Sort(want)
	got := brief(r)
	slices.Sort(got)
	if r.Against != "1.0.1" || !slices.Equal(got, want) {
		t.Errorf("against %s:\n%s\nwant\n%s", r.Against, strings.Join(brief(r), "\n"), strings.Join(want, "\n"))
	}
	if len(r.Facts) != 2 || len(r.Findings) != 0 || len(r.Staged.Body) != 0 {
		t.Errorf("facts %+v, findings %+v", r.Facts, r.Findings)
	}
}

// TestReviewTellsPathsApart has a file stand in for another one: under the sign
// that the review puts in place of the version, and under the version to come.
func TestReviewTellsPathsApart(t *testing.T) {
	got := brief(reviewed(t, []member{{"p/1.0.1", "same\n"}}, []member{{"p/1.1.0", "evil\n"}, {"p/*", "same\n"}}))
	if !slices.Contains(got, "  +evil") {
		t.Errorf("a file behind another one is not shown: %q", got)
	}
	for range 8 { // the order in which keys come is not fixed
		got = brief(reviewed(t, []member{{"p/1.1.0", "harmless\n"}}, []member{{"p/1.1.0", "evil\n"}}))
		if !slices.Contains(got, "  +evil") {
			t.Errorf("a file of the same path as an earlier one is not shown: %q", got)
		}
	}
}

// TestReviewHidesNothing holds hostile files to what a person sees.
func TestReviewHidesNothing(t *testing.T) {
	long := strings.Repeat("x", 5000) + "evil"
	var many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&many, "line %d\n", i)
	}
	r := reviewed(t, []member{{"p/a", "ok\n"}}, []member{
		{"p/a", "ok \u202eko\nnext\x1b[2Kline\ncover\rthis\n"}, {"p/long", long}, {"p/many", many.String()}, {"p/large", strings.Repeat("y\n", 200_000)},
	})
	text := strings.Join(brief(r), "\n")
	for _, want := range []string{"+ok <U+202E>ko", "+next<U+001B>[2Kline", "cover<U+000D>this", "more bytes", "  600 more", "added p/large\n  binary"} {
		if !strings.Contains(text, want) {
			t.Errorf("the review lacks %q", want)
		}
	}
	if strings.ContainsAny(text, "\u202e\x1b\r") {
		t.Errorf("the review holds what a terminal obeys: %+q", text)
	}
}

// TestReviewIsBounded shows an archive with more files, and files with more
// lines, than anybody reads.
func TestReviewIsBounded(t *testing.T) {
	var many, lines []member
	for i := range 1500 {
		many = append(many, member{fmt.Sprintf("p/%04d", i), "x\n"})
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 30 {
		var b strings.Builder
		for range 3000 {
			fmt.Fprintln(&b, r.IntN(50))
		}
		lines = append(lines, member{fmt.Sprintf("q/%d", i), b.String()})
	}
	v := reviewed(t, lines, append(many, slices.Clone(lines[1:])...))
	if len(v.Files) != 1000 || v.MoreFiles != 501 {
		t.Errorf("%d files and %d more", len(v.Files), v.MoreFiles)
	}
	changed := slices.Clone(lines)
	for i := range changed {
		changed[i].text = lines[(i+1)%len(lines)].text + "tail\n"
	}
	v = reviewed(t, lines, changed)
	shown, hidden := 0, 0
	for _, f := range v.Files {
		shown, hidden = shown+len(f.Lines), hidden+f.MoreLines
	}
	if shown > 5000 || shown < 4000 || hidden < 50_000 {
		t.Errorf("%d lines shown and %d not", shown, hidden)
	}
}

func TestReviewComparesWithTheNearestLower(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	ctx := context.Background()
	must(t, h.pass("alice", "pad", "1.1.0", "not an archive"))
	must(t, h.pass("alice", "pad", "2.0.0", tgz(t, member{"p/a", "2\n"})))
	for version, want := range map[string]string{"1.5.0": "1.1.0", "3.0.0": "2.0.0", "0.1.0": "2.0.0"} {
		r, err := h.Review(ctx, h.stage("alice", "pad", version, tgz(t, member{"p/a", version + "\n"})), h.person("alice"))
		if err != nil || r.Against != want {
			t.Errorf("%s is compared with %q, want %q, %v", version, r.Against, want, err)
		}
		if want == "1.1.0" && (len(r.Files) != 1 || !r.Files[0].Binary) {
			t.Errorf("against what is no archive: %+v", r.Files)
		}
	}
}

// TestReviewIsNotForEverybody keeps what is staged under embargo.
func TestReviewIsNotForEverybody(t *testing.T) {
	h := newPad(t, onlySQLite(t))
	id := h.stage("alice", "pad", "1.1.0", "x")
	_, stranger := h.Review(context.Background(), id, h.person("carol"))
	_, none := h.Review(context.Background(), "nothing", h.person("carol"))
	if kind(stranger) != bonded.NotFound || kind(none) != bonded.NotFound {
		t.Errorf("a stranger hears %v, and of what is not there %v", stranger, none)
	}
	if strings.ReplaceAll(stranger.Error(), id, "") != strings.ReplaceAll(none.Error(), "nothing", "") {
		t.Errorf("a stranger can tell the two apart: %q, %q", stranger, none)
	}
}
