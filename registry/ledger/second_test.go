package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/internal/logwire"
)

// The reader in testdata/reader.py was written from docs/formats/log.md, in
// another language, by searching instead of folding. Where it and this house
// disagree, one of them or the page is wrong.

func runReader(t *testing.T, leaves [][]byte, args ...string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed; install Python 3.9 or newer to run the second reader")
	}
	var bundle []byte
	for _, body := range leaves {
		bundle = logwire.AppendEntry(bundle, body)
	}
	path := filepath.Join(t.TempDir(), "bundle")
	if err := os.WriteFile(path, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, slices.Concat([]string{filepath.Join("testdata", "reader.py")}, args, []string{path})...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("the second reader: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

// TestSecondReaderFolds compares roots and every text behind the map, for the
// vector and for random logs. Every seal was compared by the reader itself.
func TestSecondReaderFolds(t *testing.T) {
	for seed := range uint64(4) {
		l := newLog(t)
		l.fill(5, seed)
		l.disturb(seed)
		out := runReader(t, l.tx.Leaves)
		want := fmt.Sprintf("size %d\nroot %s\nbins %d\nmap %s\n", l.head.Size, l.head.Root, l.m.Bins(), l.m.Root())
		got, texts, _ := strings.Cut(out, "\nP ")
		if got+"\n" != want {
			t.Errorf("seed %d: the second reader says\n%s\nwant\n%s", seed, got, want)
		}
		if a, b := sortedRecords("\nP "+texts), sortedRecords("\n"+string(l.records())); a != b {
			t.Errorf("seed %d: the second reader's texts are\n%s\nwant\n%s", seed, a, b)
		}
	}
}

// sortedRecords brings records, each a line and its indented text, into one order.
func sortedRecords(s string) string {
	list := strings.Split(strings.ReplaceAll(strings.TrimSpace(s), "\n\t", "\x00"), "\n")
	slices.Sort(list)
	return strings.ReplaceAll(strings.Join(list, "\n"), "\x00", "\n\t")
}

// disturb adds random facts of every other type about what fill made.
func (l *log) disturb(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 2))
	types := []bonded.EntryType{bonded.Owners, bonded.SetTag, bonded.DropTag, bonded.Yank, bonded.Unyank, bonded.Deprecate, bonded.Undeprecate,
		bonded.Status, bonded.Remove, bonded.Publish, bonded.Claim}
	var batch []bonded.Entry
	for range 150 {
		e := bonded.Entry{Type: types[r.IntN(len(types))], Time: when, Name: name(fmt.Sprint("p", r.IntN(6)))}
		version, doc := fmt.Sprint(r.IntN(4), ".0.0"), bonded.DigestOf([]byte{byte(r.IntN(3))})
		switch e.Type {
		case bonded.Owners:
			e.Doc, e.Count = doc, r.IntN(3)
		case bonded.SetTag:
			e.Tag, e.Version = fmt.Sprint("t", r.IntN(3)), version
		case bonded.DropTag:
			e.Tag = fmt.Sprint("t", r.IntN(3))
		case bonded.Status:
			e.Status = []string{"active", "archived"}[r.IntN(2)]
		case bonded.Deprecate:
			e.Version, e.Doc = version, doc
		case bonded.Remove:
			e.Version, e.File = version, e.Name.Key+"-"+fmt.Sprint(r.IntN(4), ".0.0")+".tgz"
		case bonded.Publish:
			e = release(e.Name.Key, version)
			if r.IntN(2) == 0 {
				e.File = fmt.Sprint("f", r.IntN(5))
			}
		case bonded.Yank, bonded.Unyank, bonded.Undeprecate:
			e.Version = version
		}
		if e.Type == bonded.Yank && r.IntN(2) == 0 {
			e.Doc = doc
		}
		if batch = append(batch, e); r.IntN(10) == 0 {
			l.append(batch...)
			batch = nil
		}
	}
	l.append(append(batch, claim("last"))...)
}

// TestSecondReaderParses changes entries a little and compares what both
// readers take: the format has no grey zone.
func TestSecondReaderParses(t *testing.T) {
	samples, err := filepath.Glob(filepath.Join("..", "..", "testdata", "entries", "*.entry"))
	if err != nil || len(samples) == 0 {
		t.Fatalf("no sample entries: %v", err)
	}
	r := rand.New(rand.NewPCG(1, 3))
	bits := []string{" ", "\n", "\r", "\t", "0", "9", "-", "+", "/", "=", "A", "Z", "z", ".", ":", "T", "é", "\x00", "\x7f", "\xff", "x-", "tag ", "doc ", "pkg npm/a\n", "sig a AAAA\n"}
	var leaves [][]byte
	for _, path := range samples {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, good)
		for range 300 {
			b := bytes.Clone(good)
			for range 1 + r.IntN(2) {
				at, bit := r.IntN(len(b)), []byte(bits[r.IntN(len(bits))])
				switch r.IntN(4) {
				case 0: // insert
					b = slices.Insert(b, at, bit...)
				case 1: // replace
					b = slices.Replace(b, at, min(len(b), at+len(bit)), bit...)
				case 2: // delete
					b = slices.Delete(b, at, at+1)
				case 3: // double a line
					lines := bytes.SplitAfter(b, []byte("\n"))
					i := r.IntN(len(lines))
					b = bytes.Join(slices.Insert(lines, i, lines[i]), nil)
				}
			}
			leaves = append(leaves, b)
		}
	}
	verdicts := strings.Split(strings.TrimSpace(runReader(t, leaves, "--parse")), "\n")
	if len(verdicts) != len(leaves) {
		t.Fatalf("%d verdicts on %d entries", len(verdicts), len(leaves))
	}
	taken := 0
	for i, b := range leaves {
		_, err := bonded.ParseEntry(b)
		mine := "entry"
		if errors.Is(err, bonded.ErrIgnored) {
			mine = "ignored"
		} else if err != nil {
			mine = "refused"
		} else {
			taken++
		}
		if theirs, _, _ := strings.Cut(verdicts[i], ":"); mine != theirs {
			t.Errorf("%q: %s here (%v), the second reader: %s", b, mine, err, verdicts[i])
		}
	}
	if taken < 500 || taken > len(leaves)/2 {
		t.Errorf("%d of %d changed entries were taken; the test should see both", taken, len(leaves))
	}
}
