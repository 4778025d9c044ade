package project

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"bonded.dev/ecosystem"
)

func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false) // clients exist that stop after the first member
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func part(key string, size int) ecosystem.Part {
	return ecosystem.Part{Key: key, Bytes: func() ([]byte, error) {
		return []byte(strings.Repeat(key+" ", size/(len(key)+1)+1)), nil
	}}
}

// TestAssembledDocumentIsOneGzipMember grows, changes and shrinks documents at
// random; whatever was reused, both forms hold what the parts say.
func TestAssembledDocumentIsOneGzipMember(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var old *assembly
	var parts []ecosystem.Part
	for round := range 200 {
		switch {
		case len(parts) > 0 && r.IntN(4) == 0:
			parts[r.IntN(len(parts))] = part(fmt.Sprintf("changed-%d", round), r.IntN(40000))
		case len(parts) > 3 && r.IntN(10) == 0:
			parts = parts[:len(parts)-2]
		case r.IntN(6) == 0:
			parts = append(parts, ecosystem.Text([]byte(fmt.Sprintf("unkeyed %d", round))))
		default:
			parts = append(parts, part(fmt.Sprintf("key-%d", round), r.IntN(20000)))
		}
		var want bytes.Buffer
		for _, p := range parts {
			b, _ := p.Bytes()
			want.Write(b)
		}
		now, err := assemble(old, parts, newPacker())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(now.identity, want.Bytes()) {
			t.Fatalf("round %d: identity form differs", round)
		}
		if !bytes.Equal(unzip(t, now.gzip), want.Bytes()) {
			t.Fatalf("round %d: gzip form differs", round)
		}
		back := readManifest(now.manifest(), now.identity, now.gzip)
		if back == nil || len(back.parts) != len(now.parts) || len(back.runs) != len(now.runs) {
			t.Fatalf("round %d: manifest does not describe its document", round)
		}
		old = back
	}
}

func TestUnchangedPartsAreNotRenderedAgain(t *testing.T) {
	first, err := assemble(nil, []ecosystem.Part{part("a", 100), part("b", 100)}, newPacker())
	if err != nil {
		t.Fatal(err)
	}
	unwanted := ecosystem.Part{Key: "a", Bytes: func() ([]byte, error) { return nil, errors.New("rendered again") }}
	if _, err := assemble(first, []ecosystem.Part{unwanted, part("c", 100)}, newPacker()); err != nil {
		t.Error(err)
	}
	if _, err := assemble(nil, []ecosystem.Part{unwanted}, newPacker()); err == nil {
		t.Error("a part that cannot be rendered was assembled")
	}
}

func TestTornDocumentIsNotCopiedFrom(t *testing.T) {
	a, err := assemble(nil, []ecosystem.Part{part("a", 1000)}, newPacker())
	if err != nil {
		t.Fatal(err)
	}
	m := a.manifest()
	for name, try := range map[string][3][]byte{
		"identity cut":     {m, a.identity[:len(a.identity)-1], a.gzip},
		"identity changed": {m, append([]byte("X"), a.identity[1:]...), a.gzip},
		"gzip cut":         {m, a.identity, a.gzip[:20]},
		"no table":         {nil, a.identity, a.gzip},
	} {
		if readManifest(try[0], try[1], try[2]) != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
