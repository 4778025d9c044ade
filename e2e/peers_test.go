package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/guide"
	"bonded.dev/internal/testenv"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
	visitors "bonded.dev/prove/visit/all"
	"bonded.dev/prove/visit/gomod"
)

var renew = flag.Bool("peers", false, "write guide/peers anew")

// other is a repository that nobody here wrote, how it was set up, and in which
// dialects it is visited.
type other struct {
	id, name, setup string
	kinds           []string
	// start starts it with the upstream that is at origin, HOST:PORT.
	start func(t testing.TB, origin string) testenv.Peer
}

func others() []other {
	return []other{
		{"verdaccio", "Verdaccio", "Storage and access as by default; two users who joined by npm adduser; the drill plays its upstream; no middleware that asks public hosts.",
			[]string{"npm"}, func(t testing.TB, origin string) testenv.Peer { return testenv.Verdaccio(t, "http://"+origin+"/") }},
		{"pypiserver", "pypiserver", "As by default, with a password file of two users; refers to no other index.",
			[]string{"pypi"}, func(t testing.TB, _ string) testenv.Peer { return testenv.PyPIServer(t, "") }},
		{"distribution", "distribution registry", "As by default, which has no accounts: whoever reaches it may push.",
			[]string{"oci"}, func(t testing.TB, _ string) testenv.Peer { return testenv.Distribution(t) }},
		{"nora", "NORA", "With accounts, which are not the default: two users in a password file; everybody reads; no limit of requests; " +
			"the drill plays its upstream of Go modules.",
			[]string{"cargo", "go", "oci"}, func(t testing.TB, origin string) testenv.Peer { return testenv.NORA(t, "http://"+origin+"/") }},
	}
}

// TestPeers plays every attack against repositories of others and audits them,
// and holds what comes of it against the records in the guide. It shows that
// drills can fail: somebody is harmed at each of them.
func TestPeers(t *testing.T) {
	for _, o := range others() {
		t.Run(o.id, func(t *testing.T) {
			t.Parallel()
			s := &subject{other: o, origin: testenv.FreeAddr(t)}
			s.peer = o.start(t, s.origin)
			now := guide.Peer{
				Name: o.name, Version: s.peer.Version, Setup: o.setup, Kinds: o.kinds,
				Recorded: time.Now().UTC().Format(time.DateOnly), Audit: s.audit(t),
			}
			now.Drill = s.drill(t)
			if !slices.ContainsFunc(now.Drill, func(o guide.PeerOutcome) bool { return o.Outcome == drill.OutcomeHarmed }) {
				t.Error("nobody was harmed: the drills show nothing")
			}
			file := filepath.Join("..", "guide", "peers", o.id+".json")
			if *renew {
				writeRecord(t, file, now)
				return
			}
			compareRecords(t, readRecord(t, file), now)
		})
	}
}

// subject is a repository while it is looked at.
type subject struct {
	other
	origin string
	peer   testenv.Peer
	seed   string // of the names of the run
}

// drill plays all that there is. A repository that an attack brings down is
// started again, as a service manager would, for the threats that come after;
// the attack is then what could not be found out.
func (s *subject) drill(t *testing.T) (all []guide.PeerOutcome) {
	var left []string
	for {
		report := s.play(t, left)
		fell := -1
		if !s.alive(t) {
			fell = slices.IndexFunc(report.Threats, func(p drill.Played) bool { return unknown(p) })
			if fell < 0 {
				t.Fatal("it is down, and no attack ran into that")
			}
		}
		for i, p := range report.Threats {
			if fell >= 0 && i > fell {
				break
			}
			all = append(all, s.outcomes(p, i == fell)...)
		}
		if fell < 0 || fell == len(report.Threats)-1 {
			return all
		}
		left = nil
		for _, p := range report.Threats[fell+1:] {
			left = append(left, p.Threat)
		}
		s.peer = s.start(t, s.origin)
	}
}

func unknown(p drill.Played) bool {
	return slices.ContainsFunc(p.Outcomes, func(o drill.Outcome) bool { return o.Outcome == drill.OutcomeUnknown })
}

// play runs bonded drill, of all threats when none are named.
func (s *subject) play(t *testing.T, threats []string) (r drill.Report) {
	args := append([]string{"drill"}, threats...)
	args = append(args, "--target", s.peer.URL, "--kind", strings.Join(s.kinds, ","), "--json", "--origin", s.origin,
		"--credential", "owner="+s.peer.Owner, "--credential", "stranger="+s.peer.Stranger)
	s.bonded(t, &r, args...)
	return r
}

// bonded runs the binary and reads what it prints. Its exit code says again
// what stands there.
func (s *subject) bonded(t *testing.T, into any, args ...string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var said lockedBuffer
	cmd.Env, cmd.Stderr = bare(), &said
	out, err := cmd.Output()
	if jsonErr := json.Unmarshal(out, into); jsonErr != nil {
		t.Fatalf("bonded %s: %v, %v\n%s%s", args[0], err, jsonErr, out, said.String())
	}
}

func (s *subject) alive(t *testing.T) bool {
	u, err := url.Parse(s.peer.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		return false
	}
	fails(t, c.Close())
	return true
}

func (s *subject) outcomes(p drill.Played, fell bool) (all []guide.PeerOutcome) {
	for _, o := range p.Outcomes {
		one := guide.PeerOutcome{Threat: p.Threat, Attack: o.Attack, Kind: o.Kind, Outcome: o.Outcome, Why: s.plain(o.Why)}
		switch {
		case fell && o.Outcome == drill.OutcomeUnknown:
			one.Why = "the repository gave no answer"
		case o.Outcome == drill.OutcomeNotPlayed:
			one.Why = s.needs(one.Why)
		}
		all = append(all, one)
	}
	return all
}

// needs is what an attack lacked, without the scopes of a token.
func (s *subject) needs(why string) string {
	if strings.Contains(why, "that may do no more than") {
		return "a token that may do no more than one thing"
	}
	return strings.TrimPrefix(why, drill.ErrNeeds.Error()+": ")
}

// hexes are digests of what has new names in it.
var hexes = regexp.MustCompile(`\b[0-9a-f]{32,}\b`)

// seeded finds what all names of a run have in common.
var seeded = regexp.MustCompile(`drill-([a-z2-7]{6})[0-9a-z]+-`)

// plain takes out of a text what is new in each run.
func (s *subject) plain(text string) string {
	text = strings.ReplaceAll(text, strings.TrimSuffix(s.peer.URL, "/"), "https://registry.example")
	text = strings.ReplaceAll(text, s.origin, "upstream.example")
	text = hexes.ReplaceAllString(text, "DIGEST")
	if found := seeded.FindStringSubmatch(text); found != nil {
		s.seed = found[1]
	}
	if s.seed == "" {
		return text
	}
	return regexp.MustCompile(`(?i)`+s.seed+`[0-9a-z]+(%2d|[^0-9a-z])+`).ReplaceAllString(text, "")
}

// sample is what there is to look at, in the dialects that take uploads, and
// where there are modules.
const (
	sample = "sample"
	module = "example.com/sample"
)

// audit looks at the repository as a stranger does, before anybody attacks it.
func (s *subject) audit(t *testing.T) (all []guide.PeerState) {
	s.stock(t)
	upstream, stop, err := drill.ListenOrigin(t.Context(), s.origin)
	fails(t, err)
	defer stop()
	for path, body := range (gomod.Dialect{}).Landmarks() {
		upstream.Put(path, body)
	}
	for path, body := range map[string]string{
		"list": "v1.0.0\n", "v1.0.0.info": `{"Version":"v1.0.0","Time":"2026-01-02T03:04:05Z"}`, "v1.0.0.mod": "module " + module + "\n",
	} {
		upstream.Put(module+"/@v/"+path, []byte(body))
	}
	var report struct {
		Sections []struct {
			Kind     string
			Controls []guide.PeerState
		}
	}
	s.bonded(t, &report, "audit", s.peer.URL, "--kind", strings.Join(s.kinds, ","), "--package", sample, "--package", module, "--json")
	for _, section := range report.Sections {
		for _, c := range section.Controls {
			c.Kind, c.Why = section.Kind, s.plain(c.Why)
			if c.State != string(audit.Held) && c.State != string(audit.NotHeld) {
				c.Why = "" // says the same of every repository
			}
			all = append(all, c)
		}
	}
	if len(report.Sections) != len(s.kinds) {
		t.Errorf("audited in %d dialects, it has %q", len(report.Sections), s.kinds)
	}
	return all
}

// stock publishes the sample.
func (s *subject) stock(t *testing.T) {
	web := visit.NewWeb("bonded-e2e", 0)
	defer web.Close()
	for _, d := range visitors.Dialects() {
		if !slices.Contains(s.kinds, d.ID()) {
			continue
		}
		site, err := visit.At(t.Context(), web, d, s.peer.URL)
		if errors.Is(err, visit.ErrNotSpoken) {
			continue // not before its upstream is there
		}
		fails(t, err)
		for _, v := range []string{"1.0.0", "1.1.0"} {
			a, err := site.Publish(t.Context(), visit.Credential(s.peer.Owner), visit.Upload{
				Name: sample, Version: v, Canary: v, Inside: visit.Manifest{Description: "a sample"},
			})
			if err != nil || !a.Taken() {
				t.Fatalf("publishing %s %s in %s: %s, %v", sample, v, d.ID(), a, err)
			}
		}
	}
}

func readRecord(t *testing.T, file string) (p guide.Peer) {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// writeRecord writes one outcome a line, so that a difference is one too.
func writeRecord(t *testing.T, file string, p guide.Peer) {
	var b bytes.Buffer
	line := func(before string, v any, after string) {
		b.WriteString(before)
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		fails(t, e.Encode(v))
		b.Truncate(b.Len() - 1) // Encode ends lines
		b.WriteString(after)
	}
	line("{\n  \"name\": ", p.Name, ",\n")
	line("  \"version\": ", p.Version, ",\n")
	line("  \"recorded\": ", p.Recorded, ",\n")
	line("  \"setup\": ", p.Setup, ",\n")
	line("  \"kinds\": ", p.Kinds, ",\n  \"drill\": [\n")
	for i, o := range p.Drill {
		line("    ", o, strings.Repeat(",", min(1, len(p.Drill)-1-i))+"\n")
	}
	b.WriteString("  ],\n  \"audit\": [\n")
	for i, c := range p.Audit {
		line("    ", c, strings.Repeat(",", min(1, len(p.Audit)-1-i))+"\n")
	}
	b.WriteString("  ]\n}\n")
	fails(t, os.WriteFile(file, b.Bytes(), 0o644))
}

// compareRecords holds what a repository does against its record. Words may
// differ, outcomes may not.
func compareRecords(t *testing.T, was, now guide.Peer) {
	if was.Version != now.Version || was.Setup != now.Setup || !slices.Equal(was.Kinds, now.Kinds) {
		t.Errorf("the record is of %s in %q, %s; this is %s in %q, %s", was.Version, was.Kinds, was.Setup, now.Version, now.Kinds, now.Setup)
	}
	then, seen := facts(was), facts(now)
	for key, outcome := range seen {
		if then[key] == "" {
			t.Errorf("not in the record: %s: %s", key, outcome)
		} else if then[key] != outcome {
			t.Errorf("%s: %s; the record says %s", key, outcome, then[key])
		}
	}
	for key := range then {
		if seen[key] == "" {
			t.Errorf("in the record alone: %s", key)
		}
	}
	if t.Failed() {
		t.Log("where each difference is right, renew the record: scripts/peers")
	}
}

func facts(p guide.Peer) map[string]string {
	all := map[string]string{}
	for _, o := range p.Drill {
		all[fmt.Sprintf("%s, %s (%s)", o.Threat, o.Attack, o.Kind)] = o.Outcome
	}
	for _, c := range p.Audit {
		all[fmt.Sprintf("%s (%s)", c.Control, c.Kind)] = c.State
	}
	return all
}
