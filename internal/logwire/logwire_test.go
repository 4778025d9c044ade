package logwire_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
	"bonded.dev/internal/logwire"
)

// TestPaths holds the examples of C2SP tlog-tiles.
func TestPaths(t *testing.T) {
	for _, c := range []struct {
		tile tlog.Tile
		want string
	}{
		{tlog.Tile{H: 8, L: 0, N: 0, W: 256}, "log/tile/0/000"},
		{tlog.Tile{H: 8, L: 0, N: 273, W: 112}, "log/tile/0/273.p/112"},
		{tlog.Tile{H: 8, L: 1, N: 1, W: 17}, "log/tile/1/001.p/17"},
		{tlog.Tile{H: 8, L: 0, N: 1234067, W: 256}, "log/tile/0/x001/x234/067"},
		{tlog.Tile{H: 8, L: 0, N: 1234067, W: 3}, "log/tile/0/x001/x234/067.p/3"},
		{tlog.Tile{H: 8, L: -1, N: 1234067, W: 3}, "log/tile/entries/x001/x234/067.p/3"},
		{tlog.Tile{H: 8, L: -1, N: 5, W: 256}, "log/tile/entries/005"},
		{tlog.Tile{H: 8, L: 5, N: 0, W: 1}, "log/tile/5/000.p/1"},
	} {
		if got := logwire.TilePath(c.tile); got != c.want {
			t.Errorf("%+v is at %s, want %s", c.tile, got, c.want)
		}
		prefix, _, _ := strings.Cut(c.want, ".p/")
		if got := logwire.PartialPrefix(c.tile); got != prefix+".p/" {
			t.Errorf("partial versions of %+v are under %s", c.tile, got)
		}
	}
	var got []string
	for _, tile := range logwire.Tiles(70_000) {
		if tile.W != logwire.TileWidth || tile.L > 0 {
			got = append(got, logwire.TilePath(tile))
		}
	}
	want := []string{"log/tile/0/273.p/112", "log/tile/1/000", "log/tile/1/001.p/17", "log/tile/2/000.p/1"}
	if !slices.Equal(got, want) {
		t.Errorf("the upper tiles of 70,000 leaves are %v, want %v", got, want)
	}
}

func TestBundles(t *testing.T) {
	entries := [][]byte{[]byte("a"), {}, bytes.Repeat([]byte("x"), bonded.MaxEntry)}
	var b []byte
	for _, e := range entries {
		b = logwire.AppendEntry(b, e)
	}
	var got [][]byte
	for e, err := range logwire.Entries(b) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !slices.EqualFunc(got, entries, bytes.Equal) {
		t.Errorf("read %q", got)
	}
	for n := range b {
		if n == 3 || n == 5 {
			continue // between two entries
		}
		var last error
		for _, last = range logwire.Entries(b[:n]) {
		}
		if n > 0 && last == nil {
			t.Errorf("a bundle cut after %d bytes was read", n)
		}
	}
}

func FuzzEntries(f *testing.F) {
	f.Add(logwire.AppendEntry(logwire.AppendEntry(nil, []byte("one")), []byte("two")))
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		for e, err := range logwire.Entries(b) {
			if err != nil {
				return
			}
			again = logwire.AppendEntry(again, e)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("read %x, wrote %x", b, again)
		}
	})
}

func key(t testing.TB, name string) (note.Signer, note.Verifier) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return signer, verifier
}

func TestCheckpoint(t *testing.T) {
	signer, verifier := key(t, "log.example/1")
	c := logwire.Checkpoint{Origin: "log.example/1", Size: 42, Root: bonded.DigestOf(nil)}
	msg, err := c.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := logwire.OpenCheckpoint(msg, verifier); err != nil || got != c {
		t.Errorf("read %+v, %v", got, err)
	}
	// A cosignature of somebody unknown is no harm.
	witness, _ := key(t, "witness.example")
	cosigned, err := c.Sign(signer, witness)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := logwire.OpenCheckpoint(cosigned, verifier); err != nil || got != c {
		t.Errorf("cosigned: read %+v, %v", got, err)
	}
	for i := range msg {
		b := bytes.Clone(msg)
		b[i] ^= 1
		if got, err := logwire.OpenCheckpoint(b, verifier); err == nil && got != c {
			t.Errorf("byte %d changed the checkpoint to %+v", i, got)
		}
	}
	_, stranger := key(t, "log.example/1")
	if _, err := logwire.OpenCheckpoint(msg, stranger); err == nil {
		t.Error("another key of the same name was satisfied")
	}
}

// TestSignedNonsense is what a log key may sign and nobody should take.
func TestSignedNonsense(t *testing.T) {
	signer, verifier := key(t, "log.example/1")
	root := bonded.DigestOf(nil).String()
	for what, text := range map[string]string{
		"another origin": "log.example/2\n42\n" + root + "\n",
		"leading zero":   "log.example/1\n042\n" + root + "\n",
		"a sign":         "log.example/1\n+42\n" + root + "\n",
		"negative":       "log.example/1\n-42\n" + root + "\n",
		"too large":      "log.example/1\n9223372036854775808\n" + root + "\n",
		"short root":     "log.example/1\n42\n" + root[:40] + "\n",
		"long root":      "log.example/1\n42\n" + root[:43] + "AAAAA\n",
		"loose bits":     "log.example/1\n42\n" + root[:42] + "V=\n",
		"an extension":   "log.example/1\n42\n" + root + "\nmore\n",
		"nothing":        "\n",
	} {
		msg, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := logwire.OpenCheckpoint(msg, verifier); err == nil {
			t.Errorf("%s was taken: %+v", what, got)
		}
	}
	if _, err := logwire.OpenCheckpoint(bytes.Repeat([]byte("x"), logwire.MaxCheckpoint+1), verifier); err == nil {
		t.Error("an endless checkpoint was taken")
	}
}

func FuzzOpenCheckpoint(f *testing.F) {
	signer, verifier := key(f, "log.example/1")
	c := logwire.Checkpoint{Origin: "log.example/1", Size: 42, Root: bonded.DigestOf(nil)}
	msg, err := c.Sign(signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(msg)
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := logwire.OpenCheckpoint(b, verifier); err == nil && got != c {
			t.Fatalf("%q was taken as %+v", b, got)
		}
	})
}

func TestQuestions(t *testing.T) {
	for query, want := range map[string]logwire.Question{
		"record=P+one/a":                         {Records: []string{"P one/a"}},
		"record=P+one/a&record=R+one/a+1+f":      {Records: []string{"P one/a", "R one/a 1 f"}},
		"name=one/a&chunks=1":                    {Records: []string{"P one/a"}, Chunks: true},
		"name=one/@s/a&version=1%2B2&file=f.tgz": {Records: []string{"R one/@s/a 1+2 f.tgz"}},
		"":                                       {},
	} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := logwire.ParseQuestion(v)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", query, got, err)
		}
		if v, err = url.ParseQuery(got.Query()); err != nil {
			t.Fatal(err)
		}
		if again, err := logwire.ParseQuestion(v); err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%q: again %+v, %v", query, again, err)
		}
	}
	for _, query := range []string{"nam=one/a", "name=one/a&name=one/b"} {
		v, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := logwire.ParseQuestion(v); err == nil {
			t.Errorf("%q: %+v", query, got)
		}
	}
	for _, record := range []string{"P one/a", "R one/a 1 f", "P one/@s/a"} {
		if q, err := logwire.ParseQuery(record); err != nil || q.Record() != record {
			t.Errorf("%q: %+v, %v", record, q, err)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	f.Add("P one/a")
	f.Add("R one/a 1 f")
	f.Fuzz(func(t *testing.T, record string) {
		if q, err := logwire.ParseQuery(record); err == nil && q.Record() != record {
			t.Fatalf("%q was read as %q", record, q.Record())
		}
	})
}

// FuzzQuestion reads a question from a URL and from JSON. What is written of
// it is read as the same question.
func FuzzQuestion(f *testing.F) {
	f.Add("name=one/a&chunks=1")
	f.Add("record=P+one/a&record=R+one/a+1+f")
	f.Add(`{"records":["P one/a"],"chunks":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		if q, err := logwire.ReadQuestion(strings.NewReader(text)); err != nil {
			if kind, _, _ := bonded.Explain(err); kind != bonded.Invalid && kind != bonded.TooLarge {
				t.Fatalf("%q: %v", text, err)
			}
		} else if len(q.Records) > len(text) {
			t.Fatalf("%q asks for %d records", text, len(q.Records))
		}
		v, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := logwire.ParseQuestion(v)
		if err != nil {
			return
		}
		if v, err = url.ParseQuery(q.Query()); err != nil {
			t.Fatal(err)
		}
		if again, err := logwire.ParseQuestion(v); err != nil || !slices.Equal(again.Records, q.Records) || again.Chunks != q.Chunks {
			t.Fatalf("%q is %+v, and again %+v, %v", text, q, again, err)
		}
	})
}

func ExampleTilePath() {
	fmt.Println(logwire.TilePath(tlog.Tile{H: 8, L: 0, N: 1234067, W: 256}))
	// Output: log/tile/0/x001/x234/067
}
