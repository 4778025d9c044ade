package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bonded.dev/prove/visit"
)

// TestGuideHolds is the guide's own audit: every reference leads somewhere,
// every threat is stopped by something, every claim about this program is bound
// to code or says what is missing, and every page can be printed.
func TestGuideHolds(t *testing.T) {
	p, err := printer()
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range p.Check() {
		t.Error(wrong)
	}
}

// TestHolesOnlyFall keeps the list of what nobody can show yet from growing
// unseen.
func TestHolesOnlyFall(t *testing.T) {
	file := filepath.Join("..", "..", "guide", "holes.golden")
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := book()
	if err != nil {
		t.Fatal(err)
	}
	now := map[string]bool{}
	for _, h := range b.Holes() {
		now[h.ID] = true
	}
	recorded := map[string]bool{}
	for _, id := range strings.Fields(string(golden)) {
		recorded[id] = true
		if !now[id] {
			t.Errorf("the hole %s is closed: take its line out of guide/holes.golden, so that it stays closed", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(now)) {
		if !recorded[id] {
			t.Errorf("%s is a new hole, and their number only falls: close it; only a threat that is new to the guide may add a line to guide/holes.golden", id)
		}
	}
}

func TestGuideTopics(t *testing.T) {
	for args, want := range map[string]string{
		"immutable-versions":               "control · level 1 · Publishing",
		"dependency confusion":             "Of the same name: ",
		"threat:dependency-confusion":      "threat · Consumer",
		"--list tuf-":                      "tuf-freeze",
		"immutable-versions --format md":   "# Immutable versions",
		"immutable-versions --format json": `"id": "immutable-versions"`,
		"":                                 "bonded guide --list",
	} {
		code, out, errText := bondedRun(t, strings.Fields("guide "+args)...)
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("guide %s: exit code %d, %q is not in %.300q %s", args, code, want, out, errText)
		}
	}
	for args, want := range map[string]struct {
		code int
		say  string
	}{
		"no-such-thing-at-all":      {exitNo, "bonded guide --list"},
		"imutable-versions":         {exitNo, "immutable-versions"},
		"token":                     {exitUsage, "say which"},
		"--format pdf":              {exitUsage, "html, md or json"},
		"--format md":               {exitUsage, "--out DIR"},
		"cooldown --out x":          {exitUsage, "leave"},
		"cooldown --single x":       {exitUsage, "leave"},
		"cooldown --format html":    {exitUsage, "--out DIR"},
		"--single x --format json":  {exitUsage, "one HTML file"},
		"threats --format json":     {exitUsage, "lists other pages"},
		"--single /nonexistent/x.y": {exitUnknown, "writing the guide"},
	} {
		code, out, errText := bondedRun(t, strings.Fields("guide "+args)...)
		if code != want.code || !strings.Contains(errText, want.say) || out != "" {
			t.Errorf("guide %s: exit code %d, want %d; %q is not in %q", args, code, want.code, want.say, errText)
		}
	}
}

func TestGuideIsPrinted(t *testing.T) {
	dir := t.TempDir()
	site, md, single := filepath.Join(dir, "site"), filepath.Join(dir, "md"), filepath.Join(dir, "guide.html")
	for _, args := range [][]string{
		{"guide", "--out", site}, {"guide", "--out", site}, {"guide", "--format", "md", "--out", md},
		{"guide", "--single", single}, {"guide", "--format", "json", "--out", filepath.Join(dir, "data")},
	} {
		if code, out, errText := bondedRun(t, args...); code != exitOK || out != "" || errText == "" {
			t.Errorf("%v: exit code %d, %q %q", args, code, out, errText)
		}
	}
	for _, name := range []string{"site/index.html", "site/threats/typosquat.html", "md/README.md", "md/controls/cooldown.md", "guide.html", "data/guide.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() < 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code, _, errText := bondedRun(t, "guide", "--out", dir); code != exitUsage || !strings.Contains(errText, "name another folder") {
		t.Errorf("a folder of somebody else: exit code %d, %q", code, errText)
	}
	code, out, _ := bondedRun(t, "guide", "--format", "json")
	if code != exitOK {
		t.Errorf("exit code %d", code)
	}
	valid(t, "guide.schema.json", out)
}

// TestGuideIsServed asks the rooms of a real server, put together.
func TestGuideIsServed(t *testing.T) {
	_, scenes := stageVictim(t)
	web := scenes[0].Site.Web
	for path, want := range map[string]string{
		"guide/": "How package repositories are attacked", "guide/controls/immutable-versions.html": "What it does not do", "": `href="/guide/"`,
	} {
		r, err := web.Get(t.Context(), visit.Resolve(scenes[0].Site.Base, "/"+path), "text/html")
		if err != nil || !r.OK() || !strings.Contains(string(r.Body), want) {
			t.Errorf("/%s: %d, %v, no %q", path, r.Status, err, want)
		}
	}
}

func TestGuideCompletes(t *testing.T) {
	code, out, _ := bondedRun(t, "__complete", "guide", "immutable")
	if code != exitOK || !strings.Contains(out, "immutable-versions\tImmutable versions") {
		t.Errorf("exit code %d, %.200q", code, out)
	}
}
