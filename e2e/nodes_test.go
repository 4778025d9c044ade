package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestTwoNodesAreOneRepository has two servers on one database and one store,
// with the same keys, and publishes to both at the same time.
func TestTwoNodesAreOneRepository(t *testing.T) {
	t.Parallel()
	r := open(t, shared)
	// The nodes stand behind one public name; each listens on its own address.
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	const public = "http://packages.example/"
	r.serve("--url", public)
	second := &repository{t: t, data: filepath.Join(t.TempDir(), "second"), tokens: r.tokens}
	second.env = bare("BONDED_DATA=" + second.data)
	for _, v := range r.env {
		if !strings.HasPrefix(v, "BONDED_DATA=") {
			second.env = append(second.env, v)
		}
	}
	duplicate(t, r.data, second.data)
	second.serve("--url", public)
	nodes := []*repository{r, second}

	// Many packages to both, and each version of one package to both: one of
	// the two gets it.
	const rounds = 12
	var group sync.WaitGroup
	won := make([][2]bool, rounds)
	for i, at := range nodes {
		addr := strings.TrimPrefix(at.node.url, "http://")
		group.Go(func() {
			for n := range rounds {
				mine := npmPackage(fmt.Sprintf("of-%d", i), fmt.Sprintf("1.0.%d", n)).sending()
				if got := mine.over(t, addr, r.tokens); got.status != 201 {
					t.Errorf("node %d, its own package: %d %s", i, got.status, got.body)
				}
			}
		})
		group.Go(func() {
			for n := range rounds {
				contested := npmPackage("contested", fmt.Sprintf("1.0.%d", n)).with(fmt.Sprintf(`"description":"by node %d"`, i)).sending()
				switch got := contested.over(t, addr, r.tokens); got.status {
				case 201:
					won[n][i] = true
				case 403, 409:
					if !strings.Contains(got.body, "immutable-versions") {
						t.Errorf("node %d lost 1.0.%d and says %s", i, n, got.body)
					}
				default:
					t.Errorf("node %d, contested 1.0.%d: %d %s", i, n, got.status, got.body)
				}
			}
		})
	}
	group.Wait()
	for n, w := range won {
		if w[0] == w[1] {
			t.Errorf("contested 1.0.%d: taken by the first node: %v, by the second: %v; want exactly one", n, w[0], w[1])
		}
	}

	// Both serve everything, the same everywhere.
	paths := []string{"/log/checkpoint", "/npm/contested", "/npm/of-0", "/npm/of-1", "/npm/-/package/contested/dist-tags"}
	for n := range rounds {
		paths = append(paths, fmt.Sprintf("/npm/contested/-/contested-1.0.%d.tgz", n), fmt.Sprintf("/npm/of-1/-/of-1-1.0.%d.tgz", n))
	}
	for _, path := range paths {
		// A node may be a second behind about what another one wrote.
		waitFor(t, path+" to be the same on both nodes", func() bool {
			a, first := fetch(t, r.node.url+path)
			b, other := fetch(t, second.node.url+path)
			return a.StatusCode == 200 && b.StatusCode == 200 && string(first) == string(other)
		})
	}
	for i, at := range nodes {
		if out, code := bonded(t, at.env, "log", "verify", at.node.url, "--key", r.verifierKey()); code != 0 {
			t.Errorf("log verify of node %d: exit code %d\n%s", i, code, out)
		}
	}
	if out, code := bonded(t, r.env, "fsck"); code != 0 {
		t.Errorf("fsck: exit code %d\n%s", code, out)
	}

	// One of them goes; the other goes on.
	r.node.kill()
	second.take(npmPackage("of-1", "2.0.0").sending())
	if out, code := bonded(t, second.env, "log", "verify", second.node.url); code != 0 {
		t.Errorf("log verify after a node was killed: exit code %d\n%s", code, out)
	}
}

// TestNodeWithOtherKeysIsRefused: two nodes that sign with different keys
// would be two repositories in one database.
func TestNodeWithOtherKeysIsRefused(t *testing.T) {
	t.Parallel()
	r := open(t, shared)
	var env []string
	for _, v := range r.env {
		if !strings.HasPrefix(v, "BONDED_DATA=") {
			env = append(env, v)
		}
	}
	env = append(env, "BONDED_DATA="+filepath.Join(t.TempDir(), "other"))
	n, err := start(env, "--listen", "127.0.0.1:0", "--url", r.node.url)
	if err == nil {
		n.kill()
		t.Fatal("a node with keys of its own joined")
	}
	if !strings.Contains(err.Error(), "key") {
		t.Errorf("it was refused with: %v", err)
	}
}

// TestSecondServerOnOneDirectory is a mistake that is easily made.
func TestSecondServerOnOneDirectory(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve()
	n, err := start(r.env, "--listen", "127.0.0.1:0")
	if err == nil {
		n.kill()
		t.Fatal("a second server started on the same data directory")
	}
	if !strings.Contains(err.Error(), "exit status") || !strings.Contains(err.Error(), r.data) {
		t.Errorf("it was refused with: %v", err)
	}
	// The first one does not mind, and administration goes on beside it.
	r.token("alice", "publish,tag:*")
	r.take(npmPackage("left-pad", "3.0.0").sending())
	if out, code := bonded(t, r.env, "fsck"); code != 0 {
		t.Errorf("fsck beside a server: exit code %d\n%s", code, out)
	}
	// After a crash nothing stands in the way of a new server.
	r.node.kill()
	r.serve()
	r.take(npmPackage("left-pad", "3.0.1").sending())
}
