package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"bonded.dev/internal/testenv"
)

func TestNPM(t *testing.T)   { runScripts(t, "testdata/npm", embedded, shared) }
func TestPyPI(t *testing.T)  { runScripts(t, "testdata/pypi", embedded, shared) }
func TestHouse(t *testing.T) { runScripts(t, "testdata/house", embedded) }

// runScripts plays every script of a folder on each pair of storage.
func runScripts(t *testing.T, dir string, pairs ...storage) {
	t.Parallel()
	for _, pair := range pairs {
		t.Run(pair.name, func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{
				Dir: dir, RequireUniqueNames: true, RequireExplicitExec: true,
				Setup: func(env *testscript.Env) error { return setUp(env, pair) },
				Cmds:  commands(),
			})
		})
	}
}

// stage is what the commands of one script share.
type stage struct {
	t       testing.TB
	home    string
	storage []string // settings of the pair
	data    string
	listen  string // fixed by the first start
	node    *node
	logs    string // of nodes that have ended
	tokens  map[string]string
	secrets []string // every token there was
}

func setUp(env *testscript.Env, pair storage) error {
	t, ok := env.T().(testing.TB)
	if !ok {
		return fmt.Errorf("set up a script: %T is not a testing.TB", env.T())
	}
	s := &stage{t: t, home: filepath.Join(env.WorkDir, "home"), data: filepath.Join(env.WorkDir, "data"), tokens: map[string]string{}}
	client, err := testenv.HomeIn(s.home)
	if err != nil {
		return err
	}
	s.storage = pair.env(t)
	env.Vars = append(env.Vars, client...)
	env.Vars = append(env.Vars, s.storage...)
	env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("BONDED_DATA", s.data)
	env.Setenv("TWINE_NON_INTERACTIVE", "1")
	env.Setenv("COLUMNS", "400") // twine breaks lines
	env.Values[stageKey{}] = s
	t.Cleanup(func() {
		if s.node != nil {
			s.node.kill()
			s.logs += s.node.said.String()
		}
		if t.Failed() {
			t.Logf("bonded said:\n%s", s.logs)
		}
		for _, secret := range s.secrets {
			if strings.Contains(s.logs, secret) {
				t.Errorf("the log repeats a token:\n%s", s.logs)
			}
		}
	})
	return nil
}

type stageKey struct{}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

func commands() map[string]func(*testscript.TestScript, bool, []string) {
	cmds := map[string]func(*testscript.TestScript, bool, []string){
		"serve": cmdServe, "stop": cmdStop, "user": cmdUser, "token": cmdToken, "as": cmdAs,
		"bonded": cmdBonded, "get": cmdGet, "wheel": cmdWheel, "approve": cmdApprove,
	}
	for _, name := range []string{"npm", "npm-9", "pnpm", "yarn", "yarn-berry", "pip", "twine", "python"} {
		cmds[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			path := testenv.Client(stageOf(ts).t, name)
			verdict(ts, neg, ts.Exec(path, args...))
		}
	}
	return cmds
}

func verdict(ts *testscript.TestScript, neg bool, err error) {
	switch {
	case err != nil && !neg:
		ts.Fatalf("%v", err)
	case err == nil && neg:
		ts.Fatalf("it succeeded, and should not")
	}
}

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if s.node != nil {
		ts.Fatalf("it is running already")
	}
	listen := s.listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	n, err := start(environ(ts, s), append([]string{"--listen", listen}, args...)...)
	if neg {
		if err == nil {
			n.kill()
		} else {
			fmt.Fprintln(ts.Stderr(), err)
		}
	}
	verdict(ts, neg, err)
	if err != nil {
		return
	}
	s.node, s.listen = n, strings.TrimPrefix(n.url, "http://")
	ts.Setenv("URL", n.url)
	ts.Setenv("HOST", s.listen)
	ts.Setenv("PIP_INDEX_URL", n.url+"/pypi/simple/")
	ts.Setenv("TWINE_REPOSITORY_URL", n.url+"/pypi/upload/")
	s.settings(ts, "")
}

// environ is what the server gets: the script's storage, and no client's settings.
func environ(ts *testscript.TestScript, s *stage) []string {
	return bare(append(slices.Clone(s.storage), "BONDED_DATA="+s.data)...)
}

func cmdStop(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if neg || len(args) > 0 || s.node == nil {
		ts.Fatalf("usage: stop, after serve")
	}
	err := s.node.stop()
	fmt.Fprint(ts.Stderr(), s.node.said.String())
	s.logs += s.node.said.String()
	s.node = nil
	ts.Check(err)
}

func cmdUser(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: user NAME [SCOPE ...]")
	}
	verdict(ts, neg, ts.Exec(binary, "admin", "user", "add", args[0], "--email", args[0]+"@example.org"))
	if len(args) > 1 && !neg {
		cmdToken(ts, false, args)
	}
}

func cmdToken(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: token NAME [--ttl D] SCOPE ...")
	}
	run := []string{"admin", "token", "add", "--user", args[0]}
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		if rest[0] == "--ttl" && len(rest) > 1 {
			run, rest = append(run, rest[0], rest[1]), rest[1:]
			continue
		}
		run = append(run, "--scope", rest[0])
	}
	verdict(ts, neg, ts.Exec(binary, run...))
	if neg {
		return
	}
	s := stageOf(ts)
	s.tokens[args[0]] = strings.TrimSpace(ts.ReadFile("stdout"))
	s.secrets = append(s.secrets, s.tokens[args[0]])
	ts.Setenv(strings.ToUpper(args[0])+"_TOKEN", s.tokens[args[0]])
}

func cmdAs(ts *testscript.TestScript, neg bool, args []string) {
	s := stageOf(ts)
	if neg || len(args) != 1 {
		ts.Fatalf("usage: as NAME, or: as nobody")
	}
	token, ok := s.tokens[args[0]]
	if !ok && args[0] != "nobody" {
		ts.Fatalf("%s has no token; there are %v", args[0], slices.Sorted(maps.Keys(s.tokens)))
	}
	s.settings(ts, token)
}

// settings points every client at the server, with a token or without.
func (s *stage) settings(ts *testscript.TestScript, token string) {
	npmrc := "registry=http://" + s.listen + "/npm/\nfetch-retries=0\n"
	berry := strings.Join([]string{
		"npmRegistryServer: http://" + s.listen + "/npm", "enableTelemetry: false", "httpRetry: 0",
		`unsafeHttpWhitelist: ["127.0.0.1"]`, "nodeLinker: node-modules",
		// By default it passes over releases that are younger than a day.
		"npmMinimalAgeGate: 0", "",
	}, "\n")
	if token != "" {
		npmrc += "//" + s.listen + "/npm/:_authToken=" + token + "\n"
		berry += "npmAuthToken: " + token + "\n"
	}
	ts.Check(os.WriteFile(filepath.Join(s.home, ".npmrc"), []byte(npmrc), 0o600))
	ts.Check(os.WriteFile(filepath.Join(s.home, ".yarnrc.yml"), []byte(berry), 0o600))
	ts.Setenv("TWINE_USERNAME", "__token__")
	ts.Setenv("TWINE_PASSWORD", token)
	ts.Setenv("BONDED_TOKEN", token)
}

func cmdBonded(ts *testscript.TestScript, neg bool, args []string) {
	verdict(ts, neg, ts.Exec(binary, args...))
}

func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: get URL [HEADER ...]")
	}
	res, body, err := send("GET", args[0], nil, args[1:]...)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s %s\n", res.Proto, res.Status)
	for _, name := range slices.Sorted(maps.Keys(res.Header)) {
		fmt.Fprintf(ts.Stdout(), "%s: %s\n", name, strings.Join(res.Header[name], ", "))
	}
	fmt.Fprintf(ts.Stdout(), "\n%s", body)
	if bad := res.StatusCode >= 400; bad != neg {
		ts.Fatalf("the answer was %s", res.Status)
	}
}

// cmdWheel builds into DIR/dist with the pinned back end, so that no index is
// asked.
func cmdWheel(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: wheel DIR")
	}
	python := testenv.Client(stageOf(ts).t, "python")
	verdict(ts, neg, ts.Exec(python, "-m", "build", "--no-isolation", "--wheel", args[0]))
}
