package e2e

import (
	"testing"

	"bonded.dev/prove/visit"
	"bonded.dev/prove/visit/npm"
	"bonded.dev/prove/visit/pypi"
	"bonded.dev/prove/visit/visittest"
)

// TestVisitors holds the visitors against bonded itself.
func TestVisitors(t *testing.T) {
	for _, d := range []visit.Dialect{npm.Dialect{}, pypi.Dialect{}} {
		t.Run(d.ID(), func(t *testing.T) {
			t.Parallel()
			visittest.Run(t, d, visited)
		})
	}
}

func visited(t *testing.T) visittest.Place {
	r := open(t, embedded)
	must(t, r.env, "admin", "user", "add", "bob", "--email", "bob@example.org")
	r.token("bob", "publish,tag,yank,delete:*")
	return visittest.Place{
		Base:  r.node.url + "/",
		Owner: visit.Credential(r.tokens["alice"]), Stranger: visit.Credential(r.tokens["bob"]),
	}
}
