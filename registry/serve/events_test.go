package serve

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"slices"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/registry/event"

	"go.yaml.in/yaml/v3"
)

// What changes something leaves a line in the journal. Pages say so in their
// routes; here are the doors for programs: what a dialect can ask for, and our
// own interface. Both tables are whole, so a new way in fails until it says
// which events it writes. "-" and a reason is for what changes nothing.

// verbEvents are the requests of dialects, by ecosystem.Verb.
var verbEvents = map[string]string{
	"Fetch": "- reads", "Search": "- reads", "Whoami": "- reads", "Ping": "- reads", "Answer": "- says what it always says",
	"Audience":  "- reads",
	"Stage":     "- puts a part of an upload into quarantine, where nobody sees it; what becomes of it is a Publish",
	"Publish":   "publish tag stage.add",
	"Change":    "tag yank delete owner policy",
	"Exchange":  "publisher.exchange publisher.refuse",
	"Login":     "- begins what its person answers on a page; until then nobody knows whose it is",
	"LoginDone": "token.add stepup.ok", "Tokens": "- reads", "Revoke": "token.revoke",
	"Owners": "invite.make owner owner.remove owner.ask-remove",
}

// apiEvents are the requests of our own interface, by method and path.
var apiEvents = map[string]string{
	"post /api/v1/changes":                     "yank delete",
	"post /api/v1/device/code":                 "- begins what its person answers on a page; until then nobody knows whose it is",
	"post /api/v1/device/token":                "token.add",
	"delete /api/v1/token":                     "token.revoke",
	"post /api/v1/leaks":                       "token.leak",
	"post /api/v1/leaks/{origin}":              "token.leak",
	"post /api/v1/oidc/exchange":               "publisher.exchange publisher.refuse",
	"post /api/v1/trusted_publishing/tokens":   "publisher.exchange publisher.refuse",
	"delete /api/v1/trusted_publishing/tokens": "publisher.done",
}

func TestEveryWayInSaysItsEvents(t *testing.T) {
	f, err := parser.ParseFile(gotoken.NewFileSet(), "../../ecosystem/ecosystem.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	verbs := constantsOf(f, "Verb")
	if len(verbs) < 5 {
		t.Fatalf("verbs %v: this test reads them wrongly", verbs)
	}
	whole(t, "a verb of dialects", verbs, verbEvents)
	var api struct {
		Paths map[string]map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(openAPI, &api); err != nil {
		t.Fatal(err)
	}
	var writes []string
	for path, methods := range api.Paths {
		for method := range methods {
			if slices.Contains([]string{"post", "put", "delete", "patch"}, method) {
				writes = append(writes, method+" "+path)
			}
		}
	}
	whole(t, "a request of openapi.yaml", writes, apiEvents)
}

// whole holds a list against its table, and the events against those there are.
func whole(t *testing.T, what string, list []string, table map[string]string) {
	t.Helper()
	slices.Sort(list)
	if rows := slices.Sorted(maps.Keys(table)); !slices.Equal(list, rows) {
		t.Errorf("%s: there are %v, and this test knows %v", what, list, rows)
	}
	for id, events := range table {
		if why, none := strings.CutPrefix(events, "- "); none {
			if why == "" {
				t.Errorf("%s: no reason why it writes nothing", id)
			}
			continue
		}
		for e := range strings.FieldsSeq(events) {
			if _, ok := event.Find(e); !ok {
				t.Errorf("%s: there is no event %q", id, e)
			}
		}
	}
}

// constantsOf lists the constants of a type that begin with it in their block.
func constantsOf(f *ast.File, typ string) (names []string) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != gotoken.CONST || len(g.Specs) == 0 {
			continue
		}
		first, ok := g.Specs[0].(*ast.ValueSpec)
		if !ok {
			continue
		}
		if id, ok := first.Type.(*ast.Ident); !ok || id.Name != typ {
			continue
		}
		for _, s := range g.Specs {
			for _, n := range s.(*ast.ValueSpec).Names {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// TestEveryActionIsAnEvent: the desk writes a draft's actions into the journal
// as they are.
func TestEveryActionIsAnEvent(t *testing.T) {
	for _, a := range bonded.Actions {
		_, ok := event.Find(string(a))
		if ok == (a == bonded.ActRead) {
			t.Errorf("the action %s: there is an event: %t", a, ok)
		}
	}
}
