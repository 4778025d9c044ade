package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"bonded.dev/ecosystem/all"
	"bonded.dev/prove/drill"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// bondedRun runs a command line in this process.
func bondedRun(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

// valid holds JSON against a schema in docs/formats.
func valid(t *testing.T, schema, text string) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "formats", schema))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("no JSON: %v\n%s", err, text)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", schema, err)
	}
}

func reportOf(t *testing.T, text string) (r drill.Report) {
	t.Helper()
	valid(t, "drill.schema.json", text)
	if err := json.Unmarshal([]byte(text), &r, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestDrillOverwrite plays a real threat against the real repository in every
// dialect; without its control the same attacks do harm.
func TestDrillOverwrite(t *testing.T) {
	code, out, errs := bondedRun(t, "drill", "version-overwrite", "--json")
	r := reportOf(t, out)
	if code != exitOK || errs != "" || r.Sum.Harmed != 0 || r.Sum.Stopped < 2 || r.Sum.Unknown != 0 {
		t.Fatalf("exit %d, %+v, %s", code, r.Sum, errs)
	}
	if !slices.Equal(r.Kinds, spoken()) {
		t.Errorf("played in %v, not in %v", r.Kinds, spoken())
	}
	for _, kind := range r.Kinds {
		found := slices.ContainsFunc(r.Threats[0].Outcomes, func(o drill.Outcome) bool {
			return o.Kind == kind && slices.Contains(o.StoppedBy, "immutable-versions")
		})
		if !found {
			t.Errorf("%s: nothing was stopped by immutable-versions: %+v", kind, r.Threats[0].Outcomes)
		}
	}
	code, out, _ = bondedRun(t, "drill", "version-overwrite", "--json", "--without", "immutable-versions")
	if r = reportOf(t, out); code != exitNo || r.Sum.Harmed == 0 || r.Without[0] != "immutable-versions" {
		t.Errorf("without: exit %d, %+v", code, r.Sum)
	}
	code, out, _ = bondedRun(t, "drill", "version-overwrite", "--without", "immutable-versions")
	if code != exitNo || !strings.Contains(out, "YES") {
		t.Errorf("exit %d\n%s", code, out)
	}
	for line := range strings.Lines(out) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("more than 80 columns: %s", line)
		}
	}
	code, out, _ = bondedRun(t, "drill", "version-overwrite", "--teeth", "--json")
	valid(t, "drill.schema.json", out)
	var teeth drill.TeethReport
	if err := json.Unmarshal([]byte(out), &teeth, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	holds := slices.ContainsFunc(teeth.Threats[0].Controls, func(a drill.Alone) bool {
		return a.Control == "immutable-versions" && a.Named && (a.State == drill.Stops || a.State == drill.Partial)
	})
	if code != exitOK || teeth.Sum.Bites != 1 || !holds {
		t.Errorf("teeth: exit %d, %+v", code, teeth)
	}
}

// spoken are the dialects of this repository that visitors speak too.
func spoken() (ids []string) {
	for _, k := range kinds() {
		if slices.Contains((&house{ecosystems: all.Ecosystems()}).ids(), k) {
			ids = append(ids, k)
		}
	}
	return ids
}

// TestDrillForeign plays against a repository as against somebody else's.
func TestDrillForeign(t *testing.T) {
	v, scenes := stageVictim(t)
	site := scenes[0].Site
	secret := func(actor string) string {
		t.Helper()
		c, err := v.Credential(t.Context(), actor)
		if err != nil {
			t.Fatal(err)
		}
		return string(c)
	}
	file := filepath.Join(t.TempDir(), "owner.token")
	if err := os.WriteFile(file, []byte(secret(drill.Owner)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	kind := site.Dialect.ID()
	play := func(threat string, more ...string) (int, drill.Report) {
		t.Helper()
		code, out, errs := bondedRun(t, append([]string{"drill", threat, "--json", "--target", strings.TrimSuffix(site.Base, "/"), "--kind", kind}, more...)...)
		if errs != "" {
			t.Error(errs)
		}
		r := reportOf(t, out)
		if r.Victim != site.Base || !slices.Equal(r.Kinds, []string{kind}) {
			t.Errorf("played against %s in %v", r.Victim, r.Kinds)
		}
		return code, r
	}
	code, r := play("registry-authz-bug", "--credential", "owner=@"+file, "--credential", "stranger="+secret(drill.Stranger))
	if code != exitOK || r.Sum.Stopped == 0 {
		t.Errorf("exit %d, %+v", code, r)
	}
	code, r = play("registry-authz-bug")
	if code != exitOK || r.Sum.NotPlayed != r.Sum.Attacks || !strings.Contains(r.Threats[0].Outcomes[0].Why, "a credential for the owner") {
		t.Errorf("without a credential: exit %d, %+v", code, r)
	}
	// Only who knows the key of the log sees that a captured server lies.
	credential := []string{"--credential", "owner=@" + file}
	if code, r = play("version-overwrite", credential...); code != exitNo || r.Sum.Harmed == 0 {
		t.Errorf("nobody verifies: exit %d, %+v", code, r)
	}
	if code, r = play("version-overwrite", append(credential, "--key", v.(*victim).keys.Verifier())...); code != exitOK || r.Sum.Stopped == 0 {
		t.Errorf("somebody verifies: exit %d, %+v", code, r)
	}
}

func TestDrillUsage(t *testing.T) {
	for _, c := range []struct {
		code int
		says string
		args string
	}{
		{exitUsage, "there is no threat nonsense; bonded drill --list names them", "nonsense"},
		{exitUsage, "--without nonsense: this cannot be taken out; these can: artifact-log,", "--without nonsense"},
		{exitUsage, "--without event-log: this cannot be taken out", "--without event-log"},
		{exitUsage, "--kind nonsense: there are ", "--kind nonsense"},
		{exitUsage, "is not on this machine", "--target https://registry.example/"},
		{exitUsage, "is not on this machine", "--target http://127.0.0.1.registry.example/"},
		{exitUsage, "is not on this machine", "--target http://127.0.0.1@registry.example/"},
		{exitUsage, "want the http:// or https:// URL", "--target registry.example"},
		{exitUsage, "leave --target away", "--target http://127.0.0.1:1/ --teeth"},
		{exitUsage, "leave --target away", "--target http://127.0.0.1:1/ --without roles"},
		{exitUsage, "leave --without away", "--teeth --without roles"},
		{exitUsage, "say which with --target", "--credential owner=secret"},
		{exitUsage, "say which with --target", "--origin 127.0.0.1:1"},
		{exitUsage, "say which with --target", "--key x"},
		{exitUsage, "--credential: want for example owner=SECRET", "--target http://127.0.0.1:1/ --credential hunter2"},
		{exitUsage, "the actors are owner and stranger", "--target http://127.0.0.1:1/ --credential admin=hunter2"},
		{exitUsage, "reading the secret", "--target http://127.0.0.1:1/ --credential owner=@/nowhere/token"},
		{exitUnknown, "connection refused", "--target http://127.0.0.1:1/ version-overwrite"},
	} {
		code, _, errs := bondedRun(t, append([]string{"drill"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Contains(errs, "hunter2") {
			t.Errorf("%s: exit %d, %s", c.args, code, errs)
		}
	}
}

// TestDrillList names every threat, each with its attacks or the reason why
// there are none.
func TestDrillList(t *testing.T) {
	code, out, _ := bondedRun(t, "drill", "--list", "--json")
	valid(t, "drill.schema.json", out)
	var list []drillEntry
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitOK {
		t.Fatal(code, err)
	}
	b, err := book()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != len(b.Threats) {
		t.Errorf("%d of %d threats", len(list), len(b.Threats))
	}
	for _, e := range list {
		if slices.Sort(e.Attacks); len(slices.Compact(slices.Clone(e.Attacks))) < len(e.Attacks) {
			t.Errorf("%s: two attacks of one name cannot be told apart: %q", e.Threat, e.Attacks)
		}
	}
	for _, e := range list {
		if e.Open == "" || len(e.Attacks) > 0 {
			continue
		}
		code, out, _ := bondedRun(t, "drill", e.Threat)
		if code != exitUnknown || !strings.Contains(out, e.Threat+" is not played: "+e.Open) {
			t.Errorf("%s: exit %d, %s", e.Threat, code, out)
		}
		break
	}
	code, out, _ = bondedRun(t, "drill", "--list", "version-overwrite")
	if code != exitOK || !strings.Contains(out, "    the same version again, with other bytes\n") {
		t.Errorf("exit %d, %s", code, out)
	}
	code, out, _ = bondedRun(t, "__complete", "drill", "version-o")
	if code != exitOK || !strings.Contains(out, "version-overwrite\t") {
		t.Errorf("completion: exit %d, %s", code, out)
	}
}
