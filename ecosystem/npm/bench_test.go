package npm_test

import (
	"fmt"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem/ecosystemtest"
	"bonded.dev/ecosystem/npm"
)

// BenchmarkDraft reads the publish of a 20 kB and of a 2 MB tarball.
func BenchmarkDraft(b *testing.B) {
	for _, size := range []int{20 << 10, 2 << 20} {
		b.Run(fmt.Sprintf("%dkB", size>>10), func(b *testing.B) {
			const pkg = `{"name":"bench","version":"1.0.0","dependencies":{"a":"^1.0.0","b":"^2.0.0"},"scripts":{"test":"x"}}`
			r := publish("bench", "latest", pkg, tgz("package/package.json", pkg, "package/README.md", "# bench", "package/index.js", noise(size)))
			b.SetBytes(int64(len(r.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, d, err := ecosystemtest.NewDesk(b, npm.Ecosystem{}).Draft(r); err != nil || len(d.Anomalies) > 0 {
					b.Fatal(err, d.Anomalies)
				}
			}
		})
	}
}

// BenchmarkRender adds a version to a package with many: only parts whose keys
// are new are made, as the projection does.
func BenchmarkRender(b *testing.B) {
	for _, versions := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprintf("after%d", versions), func(b *testing.B) {
			d := ecosystemtest.NewDesk(b, npm.Ecosystem{})
			_, draft, err := d.Draft(publish("left-pad", "latest", leftPad, leftPadTarball()))
			if err != nil {
				b.Fatal(err)
			}
			for i := range versions {
				f := draft.Facts[0]
				f.Version, f.File = fmt.Sprintf("1.%d.0", i), fmt.Sprintf("left-pad-1.%d.0.tgz", i)
				draft.Facts[0], draft.Facts[1].Version = f, f.Version
				d.Admit(b, draft)
			}
			n := draft.Name
			before := keysOf(b, d.Package(n), d, 0)
			draft.Facts[0].Version, draft.Facts[0].File, draft.Facts[1].Version = "2.0.0", "left-pad-2.0.0.tgz", "2.0.0"
			since := d.Admit(b, draft)
			made := 0
			b.ReportAllocs()
			for b.Loop() {
				docs, err := d.Eco.Render(d.Package(n), d.House, d, since)
				if err != nil {
					b.Fatal(err)
				}
				made = 0
				for _, doc := range docs {
					for _, p := range doc.Parts {
						if p.Key != "" && before[doc.Path+p.Key] {
							continue
						}
						bytes, err := p.Bytes()
						if err != nil {
							b.Fatal(err)
						}
						made += len(bytes)
					}
				}
			}
			b.ReportMetric(float64(made), "new-bytes")
		})
	}
}

func keysOf(b *testing.B, p *bonded.Package, d *ecosystemtest.Desk, since uint64) map[string]bool {
	docs, err := d.Eco.Render(p, d.House, d, since)
	if err != nil {
		b.Fatal(err)
	}
	keys := map[string]bool{}
	for _, doc := range docs {
		for _, part := range doc.Parts {
			keys[doc.Path+part.Key] = true
		}
	}
	return keys
}
