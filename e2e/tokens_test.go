package e2e

import (
	"strings"
	"testing"

	noun "bonded.dev"
)

// TestTokenLimits makes tokens with every limit by the command line, narrower
// ones without the server, and tries each inside and outside of its limits.
func TestTokenLimits(t *testing.T) {
	t.Parallel()
	r := open(t, embedded)
	r.take(npmPackage("left-pad", "1.0.0").sending())
	add := func(args ...string) string {
		t.Helper()
		return strings.TrimSpace(must(t, r.env, append([]string{"admin", "token", "add", "--user", "alice", "--scope", "publish,yank:npm/*"}, args...)...))
	}
	narrow := func(token string, args ...string) string {
		t.Helper()
		out := strings.TrimSpace(must(t, append(bare(), "BONDED_TOKEN="+token), append([]string{"token", "narrow"}, args...)...))
		if !strings.HasPrefix(out, "bna_") || strings.ContainsAny(out, " \n") {
			t.Fatalf("narrow printed %q", out)
		}
		return out
	}
	publish := func(version string) sending { return npmPackage("left-pad", version).sending() }
	whole := r.tokens["alice"]
	here := narrow(whole, "--network", "127.0.0.0/8", "--scope", "publish:npm/left-*")
	once := add("--uses", "1", "--label", "release 3")
	listed := must(t, r.env, "admin", "token", "list", "--user", "alice")
	for _, c := range []struct {
		what, token string
		do          sending
		status      int
		says        string
	}{
		{"a version", add("--version", "2.0.*"), publish("2.1.0"), 403, "may not touch version 2.1.0"},
		{"a version", add("--version", "2.0.*"), publish("2.0.0"), 201, ""},
		{"a network", add("--network", "203.0.113.0/24"), publish("2.0.1"), 403, "does not work from the network"},
		{"a network", add("--network", "127.0.0.1"), publish("2.0.1"), 201, ""},
		{"an artifact", add("--digest", noun.DigestOf(nil).Hex()), publish("2.0.2"), 403, "good for certain artifacts"},
		{"a use", once, publish("3.0.0"), 201, ""},
		{"no use left", once, publish("3.0.1"), 401, "the last of them is spent"},
		{"narrower", here, publish("4.0.0"), 201, ""},
		{"narrower, another name", here, npmPackage("right-pad", "1.0.0").sending(), 403, "it was made narrower than the token that it comes from"},
		{"narrower, another action", here, change("npm/left-pad", "yank", "1.0.0"), 403, "its scopes are publish:npm/left-*"},
		{"narrower, elsewhere", narrow(here, "--network", "203.0.113.0/24"), publish("4.0.1"), 403, "does not work from the network"},
		{"narrower, a version", narrow(here, "--version", "5.0.0"), publish("4.0.1"), 403, "may not touch version 4.0.1"},
		{"narrower than it can be made wider", narrow(here, "--scope", "yank:*"), change("npm/left-pad", "yank", "1.0.0"), 403, "its scopes are publish:npm/left-*"},
	} {
		c.do.token = "!Bearer " + c.token
		got := c.do.over(t, strings.TrimPrefix(r.node.url, "http://"), nil)
		if got.status != c.status || !strings.Contains(string(got.body), c.says) {
			t.Errorf("%s: %d %s, want %d and %q", c.what, got.status, got.body, c.status, c.says)
		}
	}
	for _, want := range []string{"uses left 1", "release 3"} {
		if !strings.Contains(listed, want) {
			t.Errorf("the list does not tell %q:\n%s", want, listed)
		}
	}
	out := must(t, append(bare(), "BONDED_TOKEN="+narrow(here, "--ttl", "10m")), "token", "show")
	for _, want := range []string{"Step 1 leaves:\n  scopes     publish:npm/left-*\n  networks   127.0.0.0/8\n", "Step 2 leaves:\n  until      20"} {
		if !strings.Contains(out, want) {
			t.Errorf("show does not tell %q:\n%s", want, out)
		}
	}
	if out, code := bonded(t, append(bare(), "BONDED_TOKEN="+whole), "token", "narrow"); code != 2 || !strings.Contains(out, "say what to take away") {
		t.Errorf("narrowing by nothing: %d %s", code, out)
	}
	r.quiet(whole, here, once)
	r.verified()
}
