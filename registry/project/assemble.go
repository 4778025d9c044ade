package project

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	"bonded.dev/ecosystem"

	"github.com/klauspost/compress/flate"
)

// runSize is how many bytes of parts are compressed together. A smaller run is
// cheaper to replace, a larger one compresses better.
const runSize = 64 << 10

// span is a stretch of bytes that can be reused when its key comes again.
type span struct {
	key      string // hex of a SHA-256, "-" when it must not be reused
	from, to int
}

// assembly is a document with the table of what stands where in it.
type assembly struct {
	identity []byte
	gzip     []byte
	parts    []span // in identity
	runs     []span // in gzip, without its header and trailer
}

var gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// lastBlock is an empty final DEFLATE block with fixed Huffman codes.
var lastBlock = []byte{0x03, 0x00}

// assemble joins parts, taking from old whatever has the same key.
func assemble(old *assembly, parts []ecosystem.Part, w *flate.Writer) (*assembly, error) {
	now := &assembly{}
	have, packed := old.index()
	for i, p := range parts {
		key := partKey(p.Key)
		from := len(now.identity)
		if s, ok := have[key]; ok && key != "-" {
			now.identity = append(now.identity, old.identity[s.from:s.to]...)
		} else {
			b, err := p.Bytes()
			if err != nil {
				return nil, fmt.Errorf("part %d: %w", i, err)
			}
			now.identity = append(now.identity, b...)
		}
		now.parts = append(now.parts, span{key, from, len(now.identity)})
	}
	return now, now.pack(old, packed, w)
}

// newPacker makes what pack compresses with. It is worth keeping: making one
// costs more than compressing a small document does.
func newPacker() *flate.Writer {
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is one of the package's own
	}
	return w
}

// pack compresses the identity form run by run.
func (a *assembly) pack(old *assembly, packed map[string]span, w *flate.Writer) error {
	var out bytes.Buffer
	out.Write(gzipHeader)
	for first := 0; first < len(a.parts); {
		last := first
		for last+1 < len(a.parts) && a.parts[last].to-a.parts[first].from < runSize {
			last++
		}
		key := runKey(a.parts[first : last+1])
		from := out.Len()
		if s, ok := packed[key]; ok && key != "-" {
			out.Write(old.gzip[s.from:s.to])
		} else {
			w.Reset(&out)
			if _, err := w.Write(a.identity[a.parts[first].from:a.parts[last].to]); err != nil {
				return err
			}
			// Flush ends on a byte boundary, and Reset forgets the window: the
			// run can be followed by any other.
			if err := w.Flush(); err != nil {
				return err
			}
		}
		a.runs = append(a.runs, span{key, from, out.Len()})
		first = last + 1
	}
	out.Write(lastBlock)
	out.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(a.identity)))
	out.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(a.identity))))
	a.gzip = out.Bytes()
	return nil
}

func (a *assembly) index() (parts, runs map[string]span) {
	parts, runs = map[string]span{}, map[string]span{}
	if a == nil {
		return parts, runs
	}
	for _, s := range a.parts {
		parts[s.key] = s
	}
	for _, s := range a.runs {
		runs[s.key] = s
	}
	return parts, runs
}

func partKey(key string) string {
	if key == "" {
		return "-"
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// runKey names a run by its parts; one part without a key takes it from the run.
func runKey(parts []span) string {
	h := sha256.New()
	for _, p := range parts {
		if p.key == "-" {
			return "-"
		}
		h.Write([]byte(p.key + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// manifest is the table as text: a fingerprint of both forms, then the spans.
func (a *assembly) manifest() []byte {
	var b strings.Builder
	b.WriteString(fingerprint(a.identity, a.gzip) + "\n")
	for _, s := range a.parts {
		fmt.Fprintf(&b, "part %s %d %d\n", s.key, s.from, s.to)
	}
	for _, s := range a.runs {
		fmt.Fprintf(&b, "run %s %d %d\n", s.key, s.from, s.to)
	}
	return []byte(b.String())
}

// fingerprint finds torn writes, not forgeries: whoever can change a document
// can change its manifest, and is found by recomputation.
func fingerprint(identity, packed []byte) string {
	return fmt.Sprintf("bonded-manifest/v1 %d %08x %d %08x",
		len(identity), crc32.ChecksumIEEE(identity), len(packed), crc32.ChecksumIEEE(packed))
}

// readManifest returns nil unless the table describes exactly these bytes: a
// torn document is never copied from.
func readManifest(table, identity, packed []byte) *assembly {
	head, rest, _ := strings.Cut(string(table), "\n")
	if head != fingerprint(identity, packed) {
		return nil
	}
	a := &assembly{identity: identity, gzip: packed}
	for line := range strings.Lines(rest) {
		var kind string
		var s span
		if n, err := fmt.Sscanf(line, "%s %s %d %d\n", &kind, &s.key, &s.from, &s.to); n != 4 || err != nil {
			return nil
		}
		limit := len(identity)
		if kind == "run" {
			limit = len(packed)
		}
		if s.from < 0 || s.to < s.from || s.to > limit {
			return nil
		}
		if kind == "run" {
			a.runs = append(a.runs, s)
		} else {
			a.parts = append(a.parts, s)
		}
	}
	return a
}
