package recompute_test

import (
	"fmt"
	"testing"

	"bonded.dev/client/recompute"
)

// BenchmarkLog reads a log of 100,000 entries in 1,000 packages over loopback:
// bundles, tiles, fold and every seal, but no packages, whose cost is that of
// the files that are fetched. One operation is one entry.
func BenchmarkLog(b *testing.B) {
	r := newRepo(b)
	r.seal()
	for i := 0; r.head.Size < 100_000; i++ {
		r.publish(fmt.Sprint("p", i%1000), fmt.Sprint(i/1000, ".0.0"))
		r.seal()
	}
	r.putLog()
	url := r.start(b)
	o := r.options()
	o.NoProofs, o.NoArtifacts = true, true
	b.ResetTimer()
	for n := 0; n < b.N; n += int(r.head.Size) {
		report, err := recompute.Verify(b.Context(), url, nil, o)
		if err != nil || !report.OK() {
			b.Fatal(err, report)
		}
	}
}
