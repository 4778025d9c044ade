//go:build unix

package publish_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"bonded.dev/registry/publish"
)

// BenchmarkSubmit publishes a small package with and without the search for
// tokens. CPU time counts: the rest is waiting for the disk.
func BenchmarkSubmit(b *testing.B) {
	for name, leaked := range map[string]func(context.Context, string, string) (bool, error){
		"searched": func(context.Context, string, string) (bool, error) { return false, nil }, "not": nil,
	} {
		b.Run(name, func(b *testing.B) {
			h := open(b, onlySQLite(b), func(c *publish.Config) { c.Leaked = leaked })
			body := sources(b, 20, 2300)
			n := 0
			began := spent()
			for b.Loop() {
				n++
				must(b, h.publish("alice", "pad", fmt.Sprintf("1.0.%d", n), body+fmt.Sprint(n)))
			}
			b.ReportMetric(float64(spent()-began)/1e3/float64(n), "cpu-µs/op")
		})
	}
}

// spent is the process's CPU time, nanoseconds.
func spent() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// sources is an archive of n files of words.
func sources(b *testing.B, n, size int) string {
	b.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := range n {
		var s strings.Builder
		for s.Len() < size {
			fmt.Fprintf(&s, "%x ", r.IntN(3000)*7919)
		}
		must(b, w.WriteHeader(&tar.Header{Name: fmt.Sprintf("package/lib/module_%04d.js", i), Mode: 0o644, Size: int64(s.Len()), Typeflag: tar.TypeReg}))
		_, err := w.Write([]byte(s.String()))
		must(b, err)
	}
	must(b, w.Close())
	must(b, z.Close())
	return out.String()
}
