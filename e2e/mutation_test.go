package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutation is a control whose enforcement is cut out of the source.
type mutation struct {
	control string
	threat  string // whose drill must then do harm
	file    string
	old     string // stands once in the file
	new     string
}

// cuts are the lines without which a control is only a page. A judgement has
// one; where a second layer below it refuses the plainest form of an attack, the
// drill has another form that only the judgement stops.
func cuts() []mutation {
	judgement := func(control, threat string) mutation {
		return mutation{control, threat, "controls/" + control + "/control.go",
			"Judge: judge", "Judge: func(screen.Case) ([]bonded.Finding, error) { return nil, nil }"}
	}
	anomaly := func(control, threat, kind string) mutation {
		return mutation{control, threat, "controls/" + control + "/control.go",
			"RefuseAnomalies(bonded." + kind, `RefuseAnomalies(bonded.AnomalyKind("nothing")`}
	}
	return []mutation{
		{"immutable-versions", "version-overwrite", "controls/immutable-versions/control.go", "case release != nil && !release.Live():", "case false && release == nil:"},
		judgement("release-close", "release-append"),
		judgement("deletion-limits", "unpublish-removal"),
		anomaly("strict-archive", "archive-path-traversal", "Shape"),
		anomaly("strict-archive", "archive-parser-differential", "Shape"),
		anomaly("bounded-archive", "decompression-bomb", "Bound"),
		anomaly("artifact-metadata", "manifest-confusion", "Mismatch"),
		{"scoped-tokens", "token-scope-escalation", "registry/identity/caller.go", "if !b.does(action, name) {", "if len(c.bounds) > 1000 && !b.does(action, name) {"},
		{"token-lifetime", "leaked-long-lived-token", "registry/identity/limits.go", "!b.expires.IsZero() && !now.Before(b.expires)", "!b.expires.IsZero() && now.IsZero()"},
		{"roles", "registry-authz-bug", "registry/identity/rights.go", "case r.Claimed && slices.Contains(r.Rights, rightFor(action)):", "case r.Claimed:"},
		{"retired-names", "name-reuse", "registry/identity/rights.go", "\tif retired {\n", "\tif retired {\n\t\treturn nil\n\t}\n\tif retired {\n"},
		judgement("name-similarity", "separator-confusion"),
		judgement("closed-packages", "dormant-account-takeover"),
		anomaly("upload-digests", "storage-cdn-tamper", "Checksum"),
		anomaly("output-sanitising", "terminal-escape", "Unprintable"),
		{"artifact-log", "history-forgery", "client/recompute/inspect.go", "if at := firstDifference(got, want); at >= 0 {", "if at := firstDifference(got, want); at > len(got) {"},
		{"session-hygiene", "credential-cache-leak", "registry/serve/answer.go", `return "no-store"`, `return "public, max-age=600"`},
		{"vulnerability-display", "known-vulnerable-dependency", "ecosystem/npm/reply.go", "if no, ok := refusals[a.Op]; ok",
			"if a.Op == opAudit {\n\t\treturn answer(200, map[string]any{})\n\t}\n\tif no, ok := refusals[a.Op]; ok"},
		{"status-yank", "persistent-poisoned-cache", "registry/serve/static.go", `askAgain  = "no-cache"`, `askAgain  = "public, max-age=86400"`},
		{"step-up", "session-theft", "registry/web/web.go", "case !s.Fresh(a.pages.Now()):", "case s == nil:"},
		{"session-hygiene", "session-theft", "registry/signin/session.go", "now.Sub(row.Seen) >= IdleLife", "now.Sub(row.Seen) >= 100*IdleLife"},
		{"brute-force-limits", "otp-bruteforce", "registry/signin/limits.go", "tx.Meter(key, r.Now(), l.gap, l.burst)", "tx.Meter(key, r.Now(), l.gap, 1000*l.burst)"},
		{"lapsed-domains", "email-domain-resurrection", "registry/lapse/lapse.go", "f.freeze = whom(f)", "_ = whom(f)"},
		{"recovery-policy", "recovery-bypass", "registry/signin/recovery.go", "len(has.Passkeys) < keys || has.all() < all)", "len(has.Passkeys) < keys || has.all() < all) && keys > 99"},
		{"credential-change-hold", "recovery-bypass", "registry/waiting/waiting.go", "w.Due = w.Created.Add(r.Delay)", "w.Due = w.Created"},
		{"credential-change-hold", "owner-swap", "registry/people/grants.go", "if user != principal {\n\t\treturn false, nil", "if user != principal {\n\t\treturn true, nil"},
		{"security-notify", "recovery-bypass", "registry/notice/outbox.go", "users = append(users, a.Account)", "users = users[:0]"},
		{"roles", "privilege-drift", "registry/identity/rights.go", "case r.Claimed && slices.Contains(r.Rights, rightFor(action)):", "case r.Claimed:"},
		{"fail-closed-gates", "gate-fail-open", "registry/screen/screen.go", `err = fmt.Errorf("panic: %v", p)`, `err = error(nil)
			_ = fmt.Sprint(p)`},
	}
}

// TestADrillFailsWithoutTheLine cuts each control's enforcement out of the
// source, builds the binary from that, and runs the drill: somebody must be
// harmed. The drills of the source as it is harm nobody, which the first
// subtest shows, so it is the line that protects.
func TestADrillFailsWithoutTheLine(t *testing.T) {
	all := append(cuts(), publishCuts()...)
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		for _, m := range all {
			if harm, code := drilled(t, binary, m.threat); code != 0 || len(harm) > 0 {
				t.Errorf("%s: exit code %d, %s", m.threat, code, harm)
			}
		}
	})
	for _, m := range all {
		t.Run(m.control+" "+m.threat, func(t *testing.T) {
			t.Parallel()
			harm, code := drilled(t, m.build(t), m.threat)
			if code != 1 || len(harm) == 0 {
				t.Errorf("without the line %q of %s the drill %s ends with exit code %d and harms nobody", m.old, m.file, m.threat, code)
			}
			t.Log(strings.Join(harm, "; "))
		})
	}
}

// build makes the binary without the control's line; the tree stays as it is.
func (m mutation) build(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), m.old); n != 1 {
		t.Fatalf("%s has the line %q %d times, want once: follow it to where the control is enforced now", m.file, m.old, n)
	}
	dir := t.TempDir()
	cut, overlay, out := filepath.Join(dir, "cut.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "bonded")
	plan, err := json.Marshal(map[string]any{"Replace": map[string]string{file: cut}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{cut: []byte(strings.Replace(string(src), m.old, m.new, 1)), overlay: plan} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("go", "build", "-overlay", overlay, "-o", out, "bonded.dev/cmd/bonded")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building without %s: %v\n%s", m.control, err, b)
	}
	return out
}

// drilled runs one threat's drill and tells what was lost.
func drilled(t *testing.T, program, threat string) (harm []string, code int) {
	t.Helper()
	c := exec.Command(program, "drill", threat, "--json")
	c.Env = bare()
	out, err := c.Output()
	if c.ProcessState == nil {
		t.Fatal(err)
	}
	var report struct {
		Threats []struct {
			Outcomes []struct{ Attack, Kind, Outcome, Why string }
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("bonded drill %s: %v\n%s", threat, err, out)
	}
	for _, x := range report.Threats {
		for _, o := range x.Outcomes {
			if o.Outcome == "harmed" {
				harm = append(harm, fmt.Sprintf("%s (%s): %s", o.Attack, o.Kind, o.Why))
			}
		}
	}
	return harm, c.ProcessState.ExitCode()
}
