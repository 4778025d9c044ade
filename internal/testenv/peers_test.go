package testenv

import (
	"net"
	"net/url"
	"testing"
)

// TestPeersEndWithTheirTest holds that nothing is left of a repository of others
// when the test that started it is over.
func TestPeersEndWithTheirTest(t *testing.T) {
	slow(t)
	for name, start := range map[string]func(testing.TB) Peer{
		"verdaccio":    func(t testing.TB) Peer { return Verdaccio(t, "") },
		"pypiserver":   func(t testing.TB) Peer { return PyPIServer(t, "") },
		"distribution": Distribution,
		"nora":         func(t testing.TB) Peer { return NORA(t, "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p Peer
			t.Run("alive", func(t *testing.T) {
				p = start(t)
				if p.Owner == p.Stranger || p.Version == "" || p.Name != name {
					t.Errorf("%+v", p)
				}
			})
			if p.URL == "" {
				t.Skipf("%s did not start, for the reason that alive gives; scripts/install peers installs it", name)
			}
			where, err := url.Parse(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			if c, err := net.Dial("tcp", where.Host); err == nil {
				c.Close()
				t.Errorf("it still answers at %s", where.Host)
			}
		})
	}
}
