package artifactmetadata

import (
	"testing"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	tarball := func(manifest string, more ...visit.Member) string {
		b, err := visit.TarGz(append([]visit.Member{{Name: "package/package.json", Body: []byte(manifest)}}, more...)...)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	wheel := func(metadata string) string {
		b, err := visit.Zip(visit.Member{Name: "a-1.0.0.dist-info/METADATA", Body: []byte(metadata)})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const plain = `{"name":"a","version":"1.0.0"}`
	needs := map[string]string{"b": "^1"}
	for _, c := range []struct {
		name, kind, file, body string
		release                visit.Release
		want                   audit.State
	}{
		{"same", "npm", "a.tgz", tarball(plain), visit.Release{}, audit.Unknown},
		{"same needs", "npm", "a.tgz", tarball(`{"name":"a","version":"1.0.0","dependencies":{"b":"^1"}}`), visit.Release{Manifest: visit.Manifest{Dependencies: needs}}, audit.Unknown},
		{"hides a dependency", "npm", "a.tgz", tarball(`{"name":"a","version":"1.0.0","dependencies":{"b":"^1"}}`), visit.Release{}, audit.NotHeld},
		{"makes one up", "npm", "a.tgz", tarball(plain), visit.Release{Manifest: visit.Manifest{Dependencies: needs}}, audit.NotHeld},
		{"hides a script", "npm", "a.tgz", tarball(`{"name":"a","version":"1.0.0","scripts":{"postinstall":"x"}}`), visit.Release{}, audit.NotHeld},
		{"hides a build", "npm", "a.tgz", tarball(plain, visit.Member{Name: "package/binding.gyp"}), visit.Release{}, audit.NotHeld},
		{"warns of a script", "npm", "a.tgz", tarball(`{"name":"a","version":"1.0.0","scripts":{"postinstall":"x"}}`), visit.Release{Scripts: true}, audit.Unknown},
		{"is another version", "npm", "a.tgz", tarball(`{"name":"a","version":"2.0.0"}`), visit.Release{}, audit.NotHeld},
		{"is another package", "npm", "a.tgz", tarball(`{"name":"b","version":"1.0.0"}`), visit.Release{Manifest: visit.Manifest{Name: "a"}}, audit.NotHeld},
		{"is no archive", "npm", "a.tgz", "x", visit.Release{}, audit.Unknown},
		{"same", "pypi", "a-1.0.0-py3-none-any.whl", wheel("Name: A\nVersion: 1.0.0\nRequires-Dist: B (>=1)\n"), visit.Release{Manifest: visit.Manifest{Name: "a", Dependencies: needs}}, audit.Unknown},
		{"hides a dependency", "pypi", "a-1.0.0-py3-none-any.whl", wheel("Name: A\nVersion: 1.0.0\nRequires-Dist: B\nRequires-Dist: c\n"),
			visit.Release{Manifest: visit.Manifest{Name: "a", Dependencies: needs}}, audit.NotHeld},
		{"tells none", "pypi", "a-1.0.0-py3-none-any.whl", wheel("Name: A\nVersion: 1.0.0\nRequires-Dist: B\n"), visit.Release{}, audit.Unknown},
		{"is a source", "pypi", "a-1.0.0.tar.gz", tarball(plain), visit.Release{}, audit.Unknown},
	} {
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			c.release.Version = "1.0.0"
			c.release.Files = []visit.File{{Name: c.file, URL: c.file}}
			p := &visit.Package{Name: "a", Releases: []visit.Release{c.release}}
			audittest.Look(t, Probe, audittest.Visit(t, c.kind, audittest.Pages{"/" + c.file: {Body: c.body}}, p), c.want)
		})
	}
}
