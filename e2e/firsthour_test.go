package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bonded.dev/internal/testenv"
	"bonded.dev/prove/visit"
	"bonded.dev/registry/trusted/issuertest"
)

// TestFirstHour does what docs/first-hour.md says: its commands word for word but
// for the port, its pages with a browser that has passkeys, and the job with the
// real npm.
func TestFirstHour(t *testing.T) {
	if testing.Short() {
		t.Skip("drives npm: run without -short")
	}
	t.Parallel()
	npm := testenv.Client(t, "npm")
	b, err := os.ReadFile("../docs/first-hour.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	issuer, addr, dir := issuertest.New(t), testenv.FreeAddr(t), t.TempDir()
	_, port, _ := strings.Cut(addr, ":")
	_, config, ok := strings.Cut(page, "```yaml\n")
	config, _, _ = strings.Cut(config, "```")
	if !ok || !strings.Contains(page, "bonded serve --config bonded.yaml") {
		t.Fatal("the page has no configuration any more")
	}
	config = strings.ReplaceAll(config, "8420", port) + "issuers:\n  - {url: \"" + issuer.URL + "\", profile: github}\n"
	writeFiles(t, dir, map[string]string{"bonded.yaml": config})
	if !strings.Contains(shellUnder(page, "## 1. Build, and choose where it lives"), "make build") {
		t.Error("the page does not build")
	}
	env := bare("PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH"))
	serving(t, env, "--config", filepath.Join(dir, "bonded.yaml"), "--data", filepath.Join(dir, "bonded-data"))

	shell := func(heading string, before ...string) string {
		t.Helper()
		commands := strings.ReplaceAll(shellUnder(page, heading), "8420", port)
		if commands == "" {
			t.Fatalf("nothing to run under %q", heading)
		}
		return run(t, dir, env, "/bin/bash", "-euo", "pipefail", "-c", strings.Join(append(before, commands), "\n"))
	}
	out := shell("## 2. Two administrators")
	links := regexp.MustCompile(`http://localhost:`+port+`(/enrol/\S+)`).FindAllStringSubmatch(out, -1)
	if len(links) != 2 {
		t.Fatalf("no two links in:\n%s", out)
	}
	firstPasskey(t, "http://localhost:"+port+"/", links[0][1])

	issuer.Job = githubJob
	_, clientEnv := testenv.Home(t)
	job := append(clientEnv, "GITHUB_ACTIONS=true", "CI=true", "ACTIONS_ID_TOKEN_REQUEST_URL="+issuer.JobURL(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+issuertest.JobSecret)
	work := filepath.Join(t.TempDir(), "package")
	writeFiles(t, work, map[string]string{
		"package.json": `{"name":"@acme/first","version":"1.0.0"}`, ".npmrc": "registry=http://localhost:" + port + "/npm/\nfetch-retries=0\n",
	})
	if out, err := try(work, job, npm, "publish", "--provenance=false"); err != nil || !strings.Contains(out, "+ @acme/first@1.0.0") {
		t.Fatalf("npm publish: %v\n%s", err, out)
	}

	out = shell("## 5. Look at what you have", `export BONDED_CONFIG="$PWD/bonded.yaml"`)
	for _, want := range []string{"everything is as the log says", "With an account", "of which 0 went badly", "user.enrol", "publisher.add"} {
		if !strings.Contains(out, want) {
			t.Errorf("says nothing of %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "It went no further") {
		t.Errorf("the audit's stay ended early:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(dir, "first.tar")); err != nil {
		t.Error(err)
	}
}

// firstPasskey follows sections 3 and 4 on the pages.
func firstPasskey(t *testing.T, base, link string) {
	t.Helper()
	web := visit.NewWeb("first-hour", 0)
	t.Cleanup(web.Close)
	b := visit.NewBrowser(web, base)
	open := func(page, form string, fields url.Values) {
		t.Helper()
		p, err := b.Open(t.Context(), page, form, fields)
		if err != nil || p.Status >= 400 {
			t.Fatalf("%s: %v, %s", page, err, p.Text())
		}
	}
	open(link, "/enrol", nil)
	open("/account/passkeys", "/account/passkeys", nil)
	open("/account/codes", "/account/codes", nil)
	open("/account/security", "/account/finish", nil)
	open("/account/confirm", "/account/confirm", nil)
	p, err := b.Get(t.Context(), "/account/publishers")
	if err != nil {
		t.Fatal(err)
	}
	choice := regexp.MustCompile(`/account/publishers\?profile=github(?:@|%40)[^"]+`).FindString(p.Body)
	open(choice, "/account/publishers", url.Values{
		"ecosystem": {"npm"}, "package": {"@acme/first"}, "repository": {"acme/tools"}, "workflow": {"release.yml"}, "environment": {"release"},
	})
}
