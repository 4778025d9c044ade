package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	at "bonded.dev/internal/archive/archivetest"
	"bonded.dev/internal/testenv"
	"bonded.dev/registry/identity"
	"bonded.dev/registry/record"
	"bonded.dev/registry/trusted"
	"bonded.dev/registry/trusted/issuertest"

	nouns "bonded.dev"
)

// platform is a repository that takes the identity tokens of an issuer, and
// jobs of it.
type platform struct {
	*repository
	issuer *issuertest.Issuer
	room   *trusted.Room // over the same book, as the repository's pages have it
	home   string
	env    []string
}

// onPlatform starts a repository that trusts a local issuer. The room stands
// for the page on which a person adds a publisher.
func onPlatform(t *testing.T, profile string) *platform {
	t.Helper()
	issuer := issuertest.New(t)
	config := filepath.Join(t.TempDir(), "bonded.yaml")
	text := "issuers:\n  - url: " + issuer.URL + "\n    profile: " + profile + "\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &repository{t: t, data: filepath.Join(t.TempDir(), "data"), tokens: map[string]string{}}
	r.env = bare("BONDED_DATA="+r.data, "BONDED_CONFIG="+config)
	r.node = serving(t, r.env, "--listen", "127.0.0.1:0")
	must(t, r.env, "admin", "user", "add", "alice", "--email", "alice@example.org")
	book, err := record.Open(t.Context(), "sqlite:"+filepath.Join(r.data, "bonded.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := book.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &platform{repository: r, issuer: issuer}
	p.room = trusted.New(trusted.Config{Book: book, Keeper: identity.New(book), Issuers: []trusted.Issuer{{URL: issuer.URL, Profile: profile}}})
	p.home, p.env = testenv.Home(t)
	return p
}

// waits adds a pending publisher of alice.
func (p *platform) waits(eco, key string, fields map[string]string) {
	p.t.Helper()
	profiles := p.room.Profiles()
	name := nouns.Name{Ecosystem: eco, Key: key, Display: key}
	if _, err := p.room.Add(p.t.Context(), "alice", name, profiles[len(profiles)-1].ID, fields); err != nil {
		p.t.Fatal(err)
	}
}

var (
	githubFields = map[string]string{"repository": "acme/tools", "workflow": "release.yml", "environment": "release"}
	githubJob    = map[string]any{
		"repository": "acme/tools", "repository_id": "7", "repository_owner_id": "3", "repository_visibility": "public",
		"workflow_ref": "acme/tools/.github/workflows/release.yml@refs/tags/v1", "job_workflow_ref": "acme/tools/.github/workflows/release.yml@refs/tags/v1",
		"ref": "refs/tags/v1", "environment": "release", "event_name": "push",
	}
)

// TestNPMPublishesFromAJob has the real npm publish a new package and a second
// version with nothing but the identity of its job.
func TestNPMPublishesFromAJob(t *testing.T) {
	if testing.Short() {
		t.Skip("drives npm: run without -short")
	}
	p := onPlatform(t, "github")
	p.waits("npm", "@acme/from-a-job", githubFields)
	p.issuer.Job = githubJob
	npm := testenv.Client(t, "npm")
	job := append(p.env, "GITHUB_ACTIONS=true", "CI=true", "ACTIONS_ID_TOKEN_REQUEST_URL="+p.issuer.JobURL(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+issuertest.JobSecret)
	publish := func(name, version string) (string, error) {
		dir := filepath.Join(t.TempDir(), "package")
		writeFiles(t, dir, map[string]string{
			"package.json": `{"name":"` + name + `","version":"` + version + `"}`,
			".npmrc":       "registry=" + p.node.url + "/npm/\nfetch-retries=0\n",
		})
		// For a public repository npm makes a provenance statement unless told
		// otherwise, for which it asks services elsewhere.
		return try(dir, job, npm, "publish", "--loglevel", "verbose", "--provenance=false")
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		if out, err := publish("@acme/from-a-job", version); err != nil || !strings.Contains(out, "+ @acme/from-a-job@"+version) {
			t.Fatalf("npm publish %s: %v\n%s", version, err, out)
		}
	}
	out, err := publish("@acme/other", "1.0.0")
	if err == nil || !strings.Contains(out, "is no trusted publisher of npm/@acme/other") {
		t.Errorf("another package: %v, want a refusal that npm shows\n%s", err, out)
	}
	p.issuer.Job = withClaim(githubJob, "event_name", "pull_request_target")
	if out, err := publish("@acme/from-a-job", "1.2.0"); err == nil || !strings.Contains(out, "claim event_name") {
		t.Errorf("a stranger's trigger: %v\n%s", err, out)
	}
	if res, _ := fetch(t, p.node.url+"/npm/@acme%2ffrom-a-job/1.2.0"); res.StatusCode != 404 {
		t.Errorf("1.2.0 answers %d", res.StatusCode)
	}
}

// TestNPMPublishesFromGitLab gets the identity token in a variable.
func TestNPMPublishesFromGitLab(t *testing.T) {
	if testing.Short() {
		t.Skip("drives npm: run without -short")
	}
	p := onPlatform(t, "gitlab")
	p.waits("npm", "from-gitlab", map[string]string{"project": "acme/tools", "ref": "refs/tags/*"})
	claims := p.issuer.Claims("npm:127.0.0.1", time.Now(), map[string]any{
		"project_path": "acme/tools", "project_id": "20", "namespace_id": "72", "pipeline_source": "push", "ref_path": "refs/tags/v1",
		"ci_config_ref_uri": strings.TrimPrefix(p.issuer.URL, "http://") + "/acme/tools//.gitlab-ci.yml@refs/tags/v1",
	})
	dir := filepath.Join(t.TempDir(), "package")
	writeFiles(t, dir, map[string]string{
		"package.json": `{"name":"from-gitlab","version":"1.0.0"}`, ".npmrc": "registry=" + p.node.url + "/npm/\nfetch-retries=0\n",
	})
	job := append(p.env, "GITLAB_CI=true", "CI=true", "NPM_ID_TOKEN="+p.issuer.Sign(t, claims))
	npm := testenv.Client(t, "npm")
	if out, err := try(dir, job, npm, "publish"); err != nil || !strings.Contains(out, "+ from-gitlab@1.0.0") {
		t.Fatalf("npm publish: %v\n%s", err, out)
	}
	writeFiles(t, dir, map[string]string{"package.json": `{"name":"from-gitlab","version":"1.1.0"}`})
	if out, err := try(dir, job, npm, "publish", "--loglevel", "verbose"); err == nil || !strings.Contains(out, "claim jti") {
		t.Errorf("the same identity token again: %v\n%s", err, out)
	}
}

// askLikeTwine lets twine do its own exchange. Its command does so for one
// public index and no other (twine 7 auth.py, Resolver.is_pypi), so that the
// part below that question is called.
const askLikeTwine = `
import sys
from twine.auth import CredentialInput, Resolver
resolver = Resolver({"repository": sys.argv[1]}, CredentialInput())
print(resolver.make_trusted_publishing_token())
`

// TestTwineAsksForAToken: twine always asks the host over TLS, which a reverse
// proxy ends here as it does before any real repository.
func TestTwineAsksForAToken(t *testing.T) {
	if testing.Short() {
		t.Skip("drives twine: run without -short")
	}
	p := onPlatform(t, "github")
	p.waits("pypi", "from-a-job", githubFields)
	p.issuer.Job = githubJob
	target, err := url.Parse(p.node.url)
	if err != nil {
		t.Fatal(err)
	}
	tls := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(tls.Close)
	job := append(p.env, "REQUESTS_CA_BUNDLE="+certificate(t, tls.Certificate()), "GITHUB_ACTIONS=true",
		"ACTIONS_ID_TOKEN_REQUEST_URL="+p.issuer.JobURL(), "ACTIONS_ID_TOKEN_REQUEST_TOKEN="+issuertest.JobSecret)
	python := testenv.Client(t, "python")
	ask := func() (string, error) {
		return try(p.home, append(job, "PYTHONPATH="), python, "-c", askLikeTwine, tls.URL+"/pypi/upload/")
	}
	out, err := ask()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	token := lines[len(lines)-1]
	if err != nil || !strings.HasPrefix(token, "bnd_") {
		t.Fatalf("twine asks for a token: %v\n%s", err, out)
	}
	dist := filepath.Join(p.home, "from_a_job-1.0-py3-none-any.whl")
	if err := os.WriteFile(dist, at.Zip(wheel{name: "from-a-job", version: "1.0"}.entries()...), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, p.home, job, testenv.Client(t, "twine"), "upload", "--non-interactive", "-u", "__token__", "-p", token, "--repository-url", tls.URL+"/pypi/upload/", dist)
	p.issuer.Job = withClaim(githubJob, "environment", "test")
	if out, err := ask(); err == nil || !strings.Contains(out, "trusted-publishing") || !strings.Contains(out, "claim environment") {
		t.Errorf("another environment: %v, want a reason that twine shows\n%s", err, out)
	}
}

// TestDigestsAreHeldTo: a job that names its artifacts first uploads no others.
func TestDigestsAreHeldTo(t *testing.T) {
	p := onPlatform(t, "github")
	p.waits("npm", "digest-bound", githubFields)
	honest, other := npmPackage("digest-bound", "1.0.0"), npmPackage("digest-bound", "1.0.0").with(`"description":"other bytes"`)
	honest.tarball = at.TarGz(at.File("package/package.json", `{"name":"digest-bound","version":"1.0.0"}`))
	body := `{"token":"` + p.issuer.Sign(t, p.issuer.Claims("127.0.0.1", time.Now(), githubJob)) + `","package":"npm/digest-bound","digests":["` + nouns.DigestOf(honest.tarball).Hex() + `"]}`
	res, b := request(t, http.MethodPost, p.node.url+"/api/v1/oidc/exchange", strings.NewReader(body))
	if res.StatusCode != 201 {
		t.Fatalf("exchange: %d %s", res.StatusCode, b)
	}
	token := between(string(b), `"token": "`, `"`)
	p.tokens["job"] = token
	upload := func(s sending) reply {
		s.token = "job"
		return s.over(t, strings.TrimPrefix(p.node.url, "http://"), p.tokens)
	}
	if got := upload(other.sending()); got.status != 403 {
		t.Errorf("other bytes: %d %s", got.status, got.body)
	}
	if got := upload(honest.sending()); got.status != 201 {
		t.Errorf("the bytes that were named: %d %s", got.status, got.body)
	}
}

func withClaim(claims map[string]any, name string, v any) map[string]any {
	out := map[string]any{}
	for k, old := range claims {
		out[k] = old
	}
	out[name] = v
	return out
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

func certificate(t *testing.T, c *x509.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
