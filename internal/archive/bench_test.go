package archive

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	at "bonded.dev/internal/archive/archivetest"
)

// BenchmarkRead reads an npm package of 20 kB and a wheel of 10 MB made of
// text that compresses like source code. MB/s is of the packed bytes.
func BenchmarkRead(b *testing.B) {
	for _, bb := range []struct {
		name    string
		kind    Kind
		archive []byte
	}{
		{"tgz 20 kB", TarGz, at.TarGz(sources(20, 2_300)...)},
		{"wheel 10 MB", Zip, at.Zip(sources(500, 48_000)...)},
	} {
		b.Run(fmt.Sprintf("%s (%d bytes)", bb.name, len(bb.archive)), func(b *testing.B) {
			b.SetBytes(int64(len(bb.archive)))
			b.ReportAllocs()
			var unpacked int64
			for b.Loop() {
				unpacked = read(b, bb.archive, bb.kind, Limits{}).Unpacked
			}
			b.ReportMetric(float64(unpacked)*float64(b.N)/1e6/b.Elapsed().Seconds(), "unpackedMB/s")
		})
	}
}

// sources are n files of about size bytes of words.
func sources(n, size int) []at.Entry {
	rnd := rand.New(rand.NewPCG(3, 4))
	words := make([]string, 3000)
	for i := range words {
		words[i] = fmt.Sprintf("%x", rnd.Uint64())[:2+rnd.IntN(9)]
	}
	entries := []at.Entry{at.File("package/package.json", `{"name":"a"}`)}
	for i := range n {
		var s strings.Builder
		for s.Len() < size {
			s.WriteString(words[min(rnd.IntN(len(words)), rnd.IntN(len(words)))])
			s.WriteByte(" \n.("[rnd.IntN(4)])
		}
		entries = append(entries, at.File(fmt.Sprintf("package/lib/module_%04d.js", i), s.String()))
	}
	return entries
}
