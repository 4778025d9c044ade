package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bonded.dev/prove/audit"
	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"

	"github.com/go-json-experiment/json"
)

// audited publishes a package in each dialect of a repository and returns its
// URL and its accounts' credentials.
func audited(t *testing.T) (url string, v drill.Victim) {
	t.Helper()
	v, scenes := stageVictim(t)
	for _, s := range scenes {
		published(t, s, drill.Owner, visit.Upload{Name: s.Name("first-one"), Version: "1.0.0", Canary: "x"})
		published(t, s, drill.Owner, visit.Upload{Name: s.Name("second"), Version: "1.0.0", Canary: "x"})
	}
	return scenes[0].Site.Base, v
}

func auditOf(t *testing.T, text string) (r audit.Report) {
	t.Helper()
	valid(t, "audit.schema.json", text)
	if err := json.Unmarshal([]byte(text), &r, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	return r
}

// honest holds an audit of this program against what its guide says of it: what
// is seen to be held is not said to be missing, nor the other way round.
func honest(t *testing.T, r audit.Report) {
	t.Helper()
	b, err := book()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Sections {
		if len(s.Controls) != len(b.Controls) {
			t.Errorf("%s: %d of %d controls", s.Kind, len(s.Controls), len(b.Controls))
		}
		for _, j := range s.Controls {
			here := b.Control(j.Control).Here
			if j.State == audit.Held && here != "held" && here != "partly" || j.State == audit.NotHeld && here == "held" {
				t.Errorf("%s: %s is seen to be %s, and the guide says %s: %s %v", s.Kind, j.Control, j.State, here, j.Why, j.Evidence)
			}
		}
	}
}

// TestAudit audits the real repository three times.
func TestAudit(t *testing.T) {
	url, _ := audited(t)
	var first string
	for range 3 {
		code, out, errs := bondedRun(t, "audit", url, "--json")
		r := auditOf(t, out)
		if code != exitOK || errs != "" {
			t.Fatalf("exit %d, %s", code, errs)
		}
		same := strings.Replace(out, r.At, "", 1)
		if first == "" {
			first = same
			honest(t, r)
		}
		if same != first {
			t.Errorf("differs from the first:\n%s\n%s", first, same)
		}
	}
	r := auditOf(t, strings.Replace(first, `"at":""`, `"at":"2026-01-01T00:00:00Z"`, 1))
	var seen []string
	for _, s := range r.Sections {
		seen = append(seen, s.Kind)
		for id, want := range map[string]audit.State{
			"strong-digests": audit.Held, "artifact-log": audit.Held, "verifiable-mirror": audit.Held, "event-log": audit.Held,
			"witness": audit.NotHeld, "tuf-root": audit.NotHeld, "trusted-timestamps": audit.NotHeld,
			"immutable-versions": audit.Unknown, "mfa-totp": audit.Documented, "offboarding": audit.Unknown, "frozen-lockfile": audit.Beside,
		} {
			if j := s.Find(id); j.State != want {
				t.Errorf("%s: %s is %s, not %s: %s", s.Kind, id, j.State, want, j.Why)
			}
		}
		if len(s.Packages) != 2 || s.Trouble != "" {
			t.Errorf("%s: looked at %v, %s", s.Kind, s.Packages, s.Trouble)
		}
	}
	if !slices.Equal(seen, spoken()) {
		t.Errorf("audited in %v, not in %v", seen, spoken())
	}
}

// TestAuditDrills plays drills too, and they fill what a stranger cannot see.
func TestAuditDrills(t *testing.T) {
	url, v := audited(t)
	args := []string{"audit", url, "--json"}
	for _, actor := range []string{drill.Owner, drill.Stranger} {
		as, err := v.Credential(t.Context(), actor)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), actor)
		if err := os.WriteFile(file, []byte(as), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--credential", actor+"=@"+file)
	}
	code, out, errs := bondedRun(t, args...)
	r := auditOf(t, out)
	if code != exitOK || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	honest(t, r)
	for _, s := range r.Sections {
		for _, id := range []string{"immutable-versions", "retired-names", "strict-archive", "artifact-metadata", "token-prefix"} {
			if j := s.Find(id); j.State != audit.Held {
				t.Errorf("%s: %s is %s: %s", s.Kind, id, j.State, j.Why)
			}
		}
		if j := s.Find("authorization-matrix"); j.State != audit.Unknown || len(j.Evidence) == 0 {
			t.Errorf("%s: %s: %s", s.Kind, j.State, j.Why)
		}
	}
	for _, actor := range []string{drill.Owner, drill.Stranger} {
		if as, _ := v.Credential(t.Context(), actor); strings.Contains(out, string(as)) {
			t.Errorf("the report holds the credential of the %s", actor)
		}
	}
}

// TestAuditAnswers: exit codes, what is said with them, and the two ways to read it.
func TestAuditAnswers(t *testing.T) {
	url, _ := audited(t)
	docs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("How an account is recovered"))
	}))
	defer docs.Close()
	dir := t.TempDir()
	statement, page := filepath.Join(dir, "statement.yaml"), filepath.Join(dir, "audit.html")
	if err := os.WriteFile(statement, []byte("documented:\n  recovery-policy: "+docs.URL+"/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		out  []string
		errs []string
	}{
		{[]string{"--require", "strong-digests"}, exitOK, nil, nil},
		{[]string{"--require", "witness"}, exitNo, nil, []string{"witness is not held"}},
		{[]string{"--require", "Distribution=4", "--kind", "npm"}, exitNo, nil, []string{"in npm: Distribution is at level"}},
		{[]string{"--require", "1"}, exitNo, nil, []string{"Authentication is at level 0, not 1"}},
		{[]string{"--require", "5"}, exitUsage, nil, []string{"want a level from 1 to 4"}},
		{[]string{"--kind", "floppy"}, exitUsage, nil, []string{"there are npm"}},
		{[]string{"--rate", "fast"}, exitUsage, nil, []string{"5/s"}},
		{[]string{"--most", "0"}, exitUsage, nil, []string{"at least one"}},
		{[]string{"--contact", "a) b"}, exitUsage, nil, []string{"one address"}},
		{[]string{"--token", "owner read:*=x"}, exitUsage, nil, []string{"--credential"}},
		{[]string{"--credential", "nobody=x"}, exitUsage, nil, []string{"owner and stranger"}},
		{[]string{"--documented", "no-such=https://a.example/"}, exitUsage, nil, []string{"no control no-such"}},
		{[]string{"--documented", "sbom"}, exitUsage, nil, []string{"CONTROL=URL"}},
		{[]string{"--documented", "sbom=file:///etc/passwd"}, exitUsage, nil, []string{"no http"}},
		{[]string{"--statement", filepath.Join(dir, "none")}, exitUsage, nil, []string{"--statement"}},
		{[]string{"--witness", "junk"}, exitUsage, nil, []string{"--witness"}},
		{[]string{"--sumdb", "junk"}, exitUsage, nil, []string{"--sumdb"}},
		{[]string{"--package", "no-such-package", "--kind", "npm"}, exitOK, []string{"Not there: no-such-package"}, nil},
		{[]string{"--statement", statement, "--html", page}, exitOK, []string{"documented     recovery-policy", "WHAT TO FUND NEXT"}, nil},
	} {
		code, out, errs := bondedRun(t, append([]string{"audit", url}, c.args...)...)
		if code != c.code {
			t.Errorf("%v: exit %d, not %d: %s", c.args, code, c.code, errs)
		}
		for _, want := range c.out {
			if !strings.Contains(out, want) {
				t.Errorf("%v: says nothing of %q:\n%s", c.args, want, out)
			}
		}
		for _, want := range c.errs {
			if !strings.Contains(errs, want) {
				t.Errorf("%v: complains without %q: %s", c.args, want, errs)
			}
		}
		for line := range strings.Lines(out) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%v: more than 80 columns: %s", c.args, line)
			}
		}
	}
	b, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(b), "How an account is recovered") || !strings.HasPrefix(string(b), "<!doctype html>") {
		t.Errorf("the page: %v, %.200s", err, b)
	}
}

// TestAuditElsewhere: what is no repository, what has enough, and what is not on
// this machine.
func TestAuditElsewhere(t *testing.T) {
	var agents []string
	none := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		agents = append(agents, r.UserAgent())
		http.NotFound(w, r)
	}))
	defer none.Close()
	code, _, errs := bondedRun(t, "audit", none.URL, "--contact", "mailto:audits@example.invalid")
	if code != exitUnknown || !strings.Contains(errs, "no repository was recognised") {
		t.Errorf("exit %d, %s", code, errs)
	}
	for _, a := range agents {
		if a != "bonded-audit/"+version()+" (+mailto:audits@example.invalid)" {
			t.Errorf("User-Agent %q", a)
		}
	}
	enough := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }))
	defer enough.Close()
	if code, _, errs := bondedRun(t, "audit", enough.URL); code != exitUnknown || !strings.Contains(errs, "429") {
		t.Errorf("exit %d, %s", code, errs)
	}
	// None of these may reach out: each is refused before a request is made.
	for _, args := range [][]string{
		{"https://registry.example/", "--credential", "owner=x"},
		{"ftp://registry.example/"}, {"https://alice:x@registry.example/"}, {"https://registry.example/?a=b"}, {},
	} {
		if code, _, errs := bondedRun(t, append([]string{"audit"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

func TestAuditRate(t *testing.T) {
	for _, c := range []struct {
		url, rate string
		want      time.Duration
	}{
		{"http://127.0.0.1:1/", "", 0}, {"http://127.0.0.1:1/", "2/s", 500 * time.Millisecond},
		{"https://registry.example/", "", 200 * time.Millisecond}, {"https://registry.example/", "30/m", 2 * time.Second},
	} {
		o := auditOptions{rate: c.rate, most: 1, contact: "x"}
		if err := o.check(c.url); err != nil {
			t.Fatal(err)
		}
		if got, err := o.pause(); got != c.want || err != nil {
			t.Errorf("%s at %q: %v, %v", c.url, c.rate, got, err)
		}
	}
}

// TestAuditVerdict: what could not be looked at is not a yes, whatever was seen.
func TestAuditVerdict(t *testing.T) {
	for _, c := range []struct {
		r    audit.Report
		want error
	}{
		{audit.Report{Sections: []*audit.Section{{}}}, nil},
		{audit.Report{Stopped: "429", Sections: []*audit.Section{{}}}, errUnknown},
		{audit.Report{Sections: []*audit.Section{{}, {Trouble: "no names"}}}, errUnknown},
	} {
		var said strings.Builder
		if got := verdict(&said, &c.r, nil); got != c.want || (got != nil) != (said.Len() > 0) {
			t.Errorf("%+v: %v, %q", c.r, got, said.String())
		}
	}
}
