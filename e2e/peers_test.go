package e2e

import (
	"encoding/json"
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
	"bonded.dev/prove/drill"
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
		{"verdaccio", "Verdaccio", "Default configuration; two users who joined by npm adduser; its upstream is played by the drill.",
			[]string{"npm"}, func(t testing.TB, origin string) testenv.Peer { return testenv.Verdaccio(t, "http://"+origin+"/") }},
		{"pypiserver", "pypiserver", "Default configuration with a password file of two users; refers to no other index.",
			[]string{"pypi"}, func(t testing.TB, _ string) testenv.Peer { return testenv.PyPIServer(t, "") }},
		{"distribution", "distribution registry", "Default configuration, which has no accounts: whoever reaches it may push.",
			[]string{"oci"}, func(t testing.TB, _ string) testenv.Peer { return testenv.Distribution(t) }},
		{"nora", "NORA", "Accounts switched on, two users in a password file, everybody reads; limits of requests off; " +
			"Go modules from an upstream that is played by the drill.",
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
				Recorded: time.Now().UTC().Format(time.DateOnly), Drill: s.drill(t), Audit: s.audit(t),
			}
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
		if fell && o.Outcome == drill.OutcomeUnknown {
			one.Why = "the repository did not live to tell"
		}
		all = append(all, one)
	}
	return all
}

// seeded finds what all names of a run have in common.
var seeded = regexp.MustCompile(`drill-([a-z2-7]{6})[0-9a-z]+-`)

// plain takes out of a text what is new in each run.
func (s *subject) plain(text string) string {
	text = strings.ReplaceAll(text, strings.TrimSuffix(s.peer.URL, "/"), "https://registry.example")
	text = strings.ReplaceAll(text, s.origin, "upstream.example")
	if found := seeded.FindStringSubmatch(text); found != nil {
		s.seed = found[1]
	}
	if s.seed == "" {
		return text
	}
	return regexp.MustCompile(`(?i)`+s.seed+`[0-9a-z]+(%2d|[^0-9a-z])+`).ReplaceAllString(text, "")
}

func (s *subject) audit(t *testing.T) []guide.PeerState { return []guide.PeerState{} }

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

func writeRecord(t *testing.T, file string, p guide.Peer) {
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	e := json.NewEncoder(f)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	fails(t, e.Encode(p))
	fails(t, f.Close())
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
