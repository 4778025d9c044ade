package e2e

import (
	"testing"

	"bonded.dev/internal/testenv"
	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/cargo"
	"bonded.dev/prove/visit/oci"
	"bonded.dev/prove/visit/pypi"
	"bonded.dev/prove/visit/visittest"
)

// TestVisitorsOfPeers holds the visitors against repositories that nobody here
// wrote, so that they do not only speak what bonded understands.
func TestVisitorsOfPeers(t *testing.T) {
	const no = "nobody owns a package here"
	for _, test := range []struct {
		name    string
		dialect visit.Dialect
		peer    func(testing.TB) testenv.Peer
		lacks   map[string]string
		inside  visit.Manifest
	}{
		{"distribution", oci.Dialect{}, testenv.Distribution, map[string]string{
			"accounts": "anybody may do everything by default", "times": "the protocol has none",
			"immutable": "a tag may be moved", "delete": "off by default",
		}, visit.Manifest{}},
		{"pypiserver", pypi.Dialect{}, func(t testing.TB) testenv.Peer { return testenv.PyPIServer(t, "") },
			map[string]string{"owners": no, "times": "its index has none"}, visit.Manifest{}},
		{"nora-cargo", cargo.Dialect{}, nora, map[string]string{"owners": no, "times": "its index has none", "names": "it has no search"},
			visit.Manifest{Dependencies: map[string]string{"left-pad": "^1"}}},
		{"nora-oci", oci.Dialect{}, nora, map[string]string{
			"owners": no, "times": "the protocol has none", "immutable": "a tag may be moved", "names": "its catalog is not for everybody",
		}, visit.Manifest{}},
	} {
		peer := test.peer
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			visittest.Run(t, test.dialect, func(t *testing.T) visittest.Place {
				p := peer(t)
				return visittest.Place{
					Base: p.URL, Owner: visit.Credential(p.Owner), Stranger: visit.Credential(p.Stranger),
					Lacks: test.lacks, Inside: test.inside,
				}
			})
		})
	}
}

func nora(t testing.TB) testenv.Peer { return testenv.NORA(t, "") }
