package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"bonded.dev"
	"bonded.dev/internal/logwire"
	"bonded.dev/internal/statemap"
	"bonded.dev/registry/ledger"
)

// prover answers for the log as it is now; entries added later are unpublished.
func (l *log) prover(signer note.Signer) *ledger.Prover {
	msg, err := ledger.Checkpoint(origin, l.head, signer)
	if err != nil {
		l.t.Fatal(err)
	}
	now := ledger.Snapshot{Checkpoint: msg, Head: l.head, Map: l.m}
	return &ledger.Prover{
		Current: func() (ledger.Snapshot, bool) { return now, true },
		View:    func(_ context.Context, do func(ledger.Tx) error) error { return do(l.tx) },
		Package: func(_ context.Context, n bonded.Name, size uint64) (*bonded.Package, error) {
			return bonded.Fold(n, func(yield func(uint64, bonded.Entry) bool) {
				for i, body := range l.tx.Leaves[:size] {
					e, err := bonded.ParseEntry(body)
					if err != nil {
						l.t.Fatal(err)
					}
					if !yield(uint64(i), e) {
						return
					}
				}
			})
		},
	}
}

func TestProve(t *testing.T) {
	l := newLog(t)
	l.fill(70, 5)
	l.append(bonded.Entry{Type: bonded.Yank, Time: when, Name: name("p3"), Version: "1.0.0"},
		bonded.Entry{Type: bonded.Remove, Time: when, Name: name("p4"), Version: "2.0.0", File: "p4-2.0.0.tgz"},
		release("unclaimed", "1"))
	signer, verifier := keys(t)
	p := l.prover(signer)
	// What comes after the checkpoint is not seen.
	l.append(claim("later"), release("p5", "9"))

	q := ledger.Question{Chunks: true}
	for i := range 70 {
		n := name(fmt.Sprint("p", i))
		q.Records = append(q.Records, bonded.PackageRecord(n), bonded.FileRecord(n, "2.0.0", n.Key+"-2.0.0.tgz"))
	}
	q.Records = append(q.Records, "P one/later", "P two/p3", "R one/p5 9 p5-9.tgz", "P one/unclaimed")
	a, err := p.Prove(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	b, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = logwire.ReadAnswer(b); err != nil {
		t.Fatal(err)
	}
	proven, err := a.Check(verifier, q.Records)
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range proven.Records[:140] {
		if !k.Present || k.Entry == nil || !bytes.Equal(k.Body, l.tx.Leaves[k.Index]) {
			t.Fatalf("%s: %+v", q.Records[i], k)
		}
		if whole := strings.HasPrefix(q.Records[i], "P "); whole != (k.Entry.Type == bonded.Claim) || whole != (len(k.Chunks) == 1) {
			t.Fatalf("%s: %+v", q.Records[i], k)
		}
	}
	for i, k := range proven.Records[140:143] {
		if k.Present || k.Entry != nil {
			t.Errorf("%s is there: %+v", q.Records[140+i], k)
		}
	}
	if k := proven.Records[143]; !k.Present || k.Entry != nil {
		t.Errorf("a package that nobody claimed: %+v", k)
	}
	if !strings.Contains(proven.Records[6].Chunks[0], "ver 1.0.0 yanked\n") || !strings.HasSuffix(proven.Records[9].State, " removed\n") {
		t.Errorf("flags are not in the texts: %q, %q", proven.Records[6].Chunks, proven.Records[9].State)
	}
}

func TestProveRefuses(t *testing.T) {
	l := newLog(t)
	l.fill(3, 6)
	signer, _ := keys(t)
	p := l.prover(signer)
	for _, records := range [][]string{nil, make([]string, logwire.MaxQueries+1), {""}, {"P"}, {"P one"}, {"P one/"}, {"P /a"}, {"P one/a b"},
		{"R one/a"}, {"R one/a 1"}, {"R one/a 1  "}, {"R one/a 1 f g"}, {"Q one/a"}, {"R one/a  f"}} {
		_, err := p.Prove(t.Context(), ledger.Question{Records: records})
		if k, _, _ := bonded.Explain(err); k != bonded.Invalid {
			t.Errorf("%q: %v", records, err)
		}
	}
	none := *p
	none.Current = func() (ledger.Snapshot, bool) { return ledger.Snapshot{}, false }
	if _, err := none.Prove(t.Context(), ledger.Question{Records: []string{"P one/p1"}}); err == nil {
		t.Error("answered without a checkpoint")
	}
	// A history that the map does not state is never proven.
	wrong := *p
	wrong.Package = func(_ context.Context, n bonded.Name, _ uint64) (*bonded.Package, error) {
		return (&bonded.Package{Name: n}).Apply(9, claim("p1"))
	}
	if _, err := wrong.Prove(t.Context(), ledger.Question{Records: []string{"P one/p1"}}); err == nil || !strings.Contains(err.Error(), "not what the map holds") {
		t.Errorf("answered from another history: %v", err)
	}
	// Errors of the database come through.
	boom := errors.New("disk on fire")
	for n := 1; n <= 4; n++ {
		i := 0
		l.tx.Fail = func(string) error {
			if i++; i == n {
				return boom
			}
			return nil
		}
		if _, err := p.Prove(t.Context(), ledger.Question{Records: []string{"P one/p1", "P one/p2"}}); !errors.Is(err, boom) {
			t.Errorf("call %d failed and the answer was %v", n, err)
		}
	}
}

// TestProofsAreTight changes one thing in a good answer; each must be refused.
func TestProofsAreTight(t *testing.T) {
	l := newLog(t)
	l.fill(30, 7)
	signer, verifier := keys(t)
	asked := []string{"P one/p1", "R one/p2 1.0.0 p2-1.0.0.tgz", "P one/absent"}
	answer := func() ledger.Answer {
		a, err := l.prover(signer).Prove(t.Context(), ledger.Question{Records: asked, Chunks: true})
		if err != nil {
			t.Fatal(err)
		}
		b, err := a.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if a, err = logwire.ReadAnswer(b); err != nil { // shares nothing with the log
			t.Fatal(err)
		}
		return a
	}
	if _, err := answer().Check(verifier, asked); err != nil {
		t.Fatal(err)
	}
	other, err := l.prover(signer).Prove(t.Context(), ledger.Question{Records: []string{"P one/p2", "R one/p2 2.0.0 p2-2.0.0.tgz"}, Chunks: true})
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(*ledger.Answer){
		"signature":           func(a *ledger.Answer) { a.Checkpoint = a.Checkpoint[:len(a.Checkpoint)-8] + "AAAAAA=\n" },
		"size":                func(a *ledger.Answer) { a.Checkpoint = strings.Replace(a.Checkpoint, "\n1", "\n2", 1) },
		"seal":                func(a *ledger.Answer) { a.Seal.Entry[40] ^= 1 },
		"seal index":          func(a *ledger.Answer) { a.Seal.Index-- },
		"seal path":           func(a *ledger.Answer) { a.Seal.Path[0][0] ^= 1 },
		"an entry as seal":    func(a *ledger.Answer) { a.Seal = *a.Records[0].Leaf },
		"bin":                 func(a *ledger.Answer) { a.Records[0].Proof.Bin[20] ^= 1 },
		"empty bin":           func(a *ledger.Answer) { a.Records[0].Proof.Bin = nil },
		"map path":            func(a *ledger.Answer) { a.Records[0].Proof.Path[1][3] ^= 1 },
		"short map path":      func(a *ledger.Answer) { a.Records[0].Proof.Path = a.Records[0].Proof.Path[1:] },
		"state":               func(a *ledger.Answer) { a.Records[0].State += "tag 9 latest 1\n" },
		"no state":            func(a *ledger.Answer) { a.Records[0].State = "" },
		"chunk":               func(a *ledger.Answer) { a.Records[0].Chunks[0] += " " },
		"no chunks":           func(a *ledger.Answer) { a.Records[0].Chunks = []string{} },
		"leaf":                func(a *ledger.Answer) { a.Records[1].Leaf.Entry[50] ^= 1 },
		"leaf index":          func(a *ledger.Answer) { a.Records[1].Leaf.Index++ },
		"leaf path":           func(a *ledger.Answer) { a.Records[1].Leaf.Path[0][0] ^= 1 },
		"leaf of another":     func(a *ledger.Answer) { a.Records[0].Leaf = other.Records[0].Leaf },
		"file of another":     func(a *ledger.Answer) { a.Records[1].Leaf = other.Records[1].Leaf },
		"claim for a file":    func(a *ledger.Answer) { a.Records[1].Leaf = other.Records[0].Leaf },
		"record of another":   func(a *ledger.Answer) { a.Records[0] = other.Records[0] },
		"record renamed":      func(a *ledger.Answer) { a.Records[0].Proof = other.Records[0].Proof },
		"records swapped":     func(a *ledger.Answer) { a.Records[0], a.Records[1] = a.Records[1], a.Records[0] },
		"record missing":      func(a *ledger.Answer) { a.Records = a.Records[:2] },
		"absence with a text": func(a *ledger.Answer) { a.Records[2].State = "x" },
		"absence by another":  func(a *ledger.Answer) { a.Records[0].Proof = a.Records[2].Proof },
	} {
		a := answer()
		do(&a)
		if _, err := a.Check(verifier, asked); err == nil {
			t.Errorf("%s changed and nobody noticed", what)
		}
	}
	_, stranger := keys(t)
	if _, err := answer().Check(stranger, asked); err == nil {
		t.Error("another log's key was satisfied")
	}
}

// TestProofsAreTightByteByByte flips every byte of the JSON of an answer.
func TestProofsAreTightByteByByte(t *testing.T) {
	l := newLog(t)
	l.fill(30, 8)
	signer, verifier := keys(t)
	asked := []string{"P one/p1", "R one/p2 1.0.0 p2-1.0.0.tgz", "P one/absent"}
	a, err := l.prover(signer).Prove(t.Context(), ledger.Question{Records: asked})
	if err != nil {
		t.Fatal(err)
	}
	good, err := a.JSON()
	if err != nil {
		t.Fatal(err)
	}
	want, err := a.Check(verifier, asked)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		a, err := logwire.ReadAnswer(b)
		if err != nil {
			continue
		}
		got, err := a.Check(verifier, asked)
		if err != nil {
			continue
		}
		for k := range got.Records { // to say less is not to lie
			if got.Records[k].Entry == nil {
				got.Records[k].Entry, got.Records[k].Body, got.Records[k].Index = want.Records[k].Entry, want.Records[k].Body, want.Records[k].Index
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("byte %d changed what is proven: %q", i, b[max(0, i-20):min(len(b), i+20)])
		}
	}
}

func TestReadQuestion(t *testing.T) {
	q, err := logwire.ReadQuestion(strings.NewReader(`{"records":["P one/a"],"chunks":true}`))
	if err != nil || len(q.Records) != 1 || !q.Chunks {
		t.Errorf("got %+v, %v", q, err)
	}
	for text, want := range map[string]bonded.Kind{
		`{"records":["P one/a"],"records":[]}`: bonded.Invalid,
		`{"record":["P one/a"]}`:               bonded.Invalid,
		`[]`:                                   bonded.Invalid,
		``:                                     bonded.Invalid,
		strings.Repeat(" ", logwire.MaxQuestion+1): bonded.TooLarge,
	} {
		_, err := logwire.ReadQuestion(strings.NewReader(text))
		if k, _, _ := bonded.Explain(err); k != want {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// TestAnswerIsBounded asks for texts that are too long together.
func TestAnswerIsBounded(t *testing.T) {
	l := newLog(t)
	batch := []bonded.Entry{claim("big")}
	for v := range 1500 {
		e := release("big", fmt.Sprint(v))
		e.File += strings.Repeat("x", 3000)
		batch = append(batch, e)
	}
	l.append(batch...)
	signer, _ := keys(t)
	var asked []string
	for range 20 {
		asked = append(asked, "P one/big")
	}
	_, err := l.prover(signer).Prove(t.Context(), ledger.Question{Records: asked, Chunks: true})
	if k, _, _ := bonded.Explain(err); k != bonded.TooLarge {
		t.Errorf("got %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	l := newLog(b)
	l.m, _ = statemap.Load(func(yield func(bonded.Record, error) bool) {
		for i := range 300_000 {
			if !yield(bonded.Record{Key: bonded.RecordKey(fmt.Sprint(i))}, nil) {
				return
			}
		}
	})
	b.ResetTimer()
	for i := range b.N {
		l.append(release(fmt.Sprint("p", i%1000), fmt.Sprint(i)))
	}
}
