package trusted

import (
	"maps"
	"strings"
	"testing"

	"bonded.dev"

	"pgregory.net/rapid"
)

// TestGitLab and its neighbours: what each platform's tokens look like, and
// one change at a time that has to be refused.
func TestGitLab(t *testing.T) {
	b := newBench(t, "gitlab")
	b.claim("tools", "alice")
	b.add("tools", map[string]string{"project": "acme/sub/tools", "environment": "release", "ref": "refs/tags/*", "protected": "true"})
	host := strings.TrimPrefix(b.issuer.URL, "http://")
	good := map[string]any{
		"project_path": "acme/sub/tools", "project_id": "20", "namespace_id": "72", "namespace_path": "acme/sub", "pipeline_source": "push",
		"ref": "v1", "ref_type": "tag", "ref_path": "refs/tags/v1", "ref_protected": "true", "environment": "release",
		"ci_config_ref_uri": host + "/acme/sub/tools//.gitlab-ci.yml@refs/tags/v1",
	}
	each(t, b, good, map[string]change{
		"fork":            {map[string]any{"project_path": "eve/tools", "ci_config_ref_uri": host + "/eve/tools//.gitlab-ci.yml@refs/tags/v1"}, "no trusted publisher"},
		"merge request":   {map[string]any{"pipeline_source": "merge_request_event"}, "claim pipeline_source"},
		"child":           {map[string]any{"pipeline_source": "parent_pipeline"}, "claim pipeline_source"},
		"trigger":         {map[string]any{"pipeline_source": "trigger"}, "claim pipeline_source"},
		"unprotected":     {map[string]any{"ref_protected": "false"}, "claim ref_protected"},
		"branch":          {map[string]any{"ref_path": "refs/heads/x", "ci_config_ref_uri": host + "/acme/sub/tools//.gitlab-ci.yml@refs/heads/x"}, "claim ref_path"},
		"other file":      {map[string]any{"ci_config_ref_uri": host + "/acme/sub/tools//evil.yml@refs/tags/v1"}, "claim ci_config_ref_uri"},
		"file elsewhere":  {map[string]any{"ci_config_ref_uri": host + "/eve/x//.gitlab-ci.yml@refs/tags/v1"}, "claim ci_config_ref_uri"},
		"file at another": {map[string]any{"ci_config_ref_uri": host + "/acme/sub/tools//.gitlab-ci.yml@refs/heads/x"}, "claim ci_config_ref_uri"},
		"environment":     {map[string]any{"environment": "review"}, "claim environment"},
	})
	each(t, b, good, map[string]change{
		"project reborn": {map[string]any{"project_id": "21"}, "external-id-pin"},
		"group reborn":   {map[string]any{"namespace_id": "73"}, "external-id-pin"},
	})
}

func TestBuildkite(t *testing.T) {
	b := newBench(t, "buildkite")
	b.claim("tools", "alice")
	b.add("tools", map[string]string{"organization": "acme", "pipeline": "tools", "ref": "refs/heads/main", "step": "publish"})
	good := map[string]any{
		"organization_slug": "acme", "pipeline_slug": "tools", "build_branch": "main", "build_tag": nil, "step_key": "publish", "build_source": "webhook",
		"organization_id": "o-1", "pipeline_id": "p-1",
	}
	each(t, b, good, map[string]change{
		"pipeline":     {map[string]any{"pipeline_slug": "other"}, "no trusted publisher"},
		"organization": {map[string]any{"organization_slug": "eve"}, "no trusted publisher"},
		"fork":         {map[string]any{"build_branch": "eve:main"}, "claim build_branch"},
		"tag":          {map[string]any{"build_tag": "v1"}, "claim build_branch"},
		"step":         {map[string]any{"step_key": "test"}, "claim step_key"},
		"no step":      {map[string]any{"step_key": nil}, "no claim step_key"},
		"triggered":    {map[string]any{"build_source": "trigger_job"}, "claim build_source"},
	})
	each(t, b, good, map[string]change{"reborn": {map[string]any{"organization_id": "o-2"}, "external-id-pin"}})
}

// TestForksFitNoStar: a fork may be called as the branches that a rule names.
func TestForksFitNoStar(t *testing.T) {
	b := newBench(t, "buildkite")
	b.claim("tools", "alice")
	b.add("tools", map[string]string{"organization": "acme", "pipeline": "tools", "ref": "refs/heads/release*"})
	good := map[string]any{"organization_slug": "acme", "pipeline_slug": "tools", "build_branch": "release-1", "build_source": "webhook"}
	each(t, b, good, map[string]change{"fork": {map[string]any{"build_branch": "release-eve:main"}, "claim build_branch"}})
}

func TestGoogleAndOthers(t *testing.T) {
	google := newBench(t, "google")
	google.claim("tools", "alice")
	google.add("tools", map[string]string{"email": "release@acme.iam.gserviceaccount.com"})
	each(t, google, map[string]any{"email": "release@acme.iam.gserviceaccount.com", "email_verified": true, "sub": "117", "jti": nil}, map[string]change{
		"other account": {map[string]any{"email": "eve@evil.iam.gserviceaccount.com"}, "no trusted publisher"},
		"unverified":    {map[string]any{"email_verified": false}, "claim email_verified"},
	})
	each(t, google, map[string]any{"email": "release@acme.iam.gserviceaccount.com", "email_verified": true, "sub": "117", "jti": nil, "azp": "2"},
		map[string]change{"reborn": {map[string]any{"sub": "118"}, "external-id-pin"}})

	other := newBench(t, "")
	other.claim("tools", "alice")
	other.add("tools", map[string]string{"sub": "job:tools:main", "claims": "pool = release\r\n\nprotected=true\n"})
	each(t, other, map[string]any{"sub": "job:tools:main", "pool": "release", "protected": true}, map[string]change{
		"sub":    {map[string]any{"sub": "job:tools:mai"}, "no trusted publisher"},
		"pool":   {map[string]any{"pool": "test"}, "claim pool"},
		"absent": {map[string]any{"protected": nil}, "no claim protected"},
	})
}

// TestCircleCI has an issuer for each organisation, so nothing is signed here.
func TestCircleCI(t *testing.T) {
	r := New(Config{})
	const org, project = "123e4567-e89b-12d3-a456-426614174000", "223e4567-e89b-12d3-a456-426614174000"
	p, err := r.described("circleci", map[string]string{"organization_id": org, "project_id": project, "ref": "refs/tags/v*"})
	if err != nil || p.Issuer != circleIssuer+org || p.Subject != project {
		t.Fatalf("%+v, %v", p, err)
	}
	profile, ok := r.profileOf(p.Issuer)
	if !ok || profile.ID != "circleci" {
		t.Errorf("the issuer has the profile %q", profile.ID)
	}
	for _, bad := range []string{circleIssuer, circleIssuer + "x", circleIssuer + org + "/x", "https://oidc.circleci.com.eve.example/org/" + org} {
		if _, ok := r.profileOf(bad); ok {
			t.Errorf("%s is an issuer", bad)
		}
	}
	fits := func(c claims) error {
		j, err := (&statement{issuer: p.Issuer, profile: profile, claims: c}).job()
		if err != nil {
			return err
		}
		return j.fits(p)
	}
	good := claims{circleProject: project, circleRef: "refs/tags/v1", circleSSH: "false"}
	if err := fits(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]claims{"shell": {circleSSH: "true"}, "branch": {circleRef: "refs/heads/x"}, "no ref": {circleRef: ""}} {
		c := maps.Clone(good)
		maps.Copy(c, change)
		refused(t, name, fits(c), bonded.Forbidden)
	}
}

type change struct {
	claims map[string]any
	says   string
}

// each shows that the claims are taken, and refused with each change.
func each(t *testing.T, b *bench, good map[string]any, changes map[string]change) {
	t.Helper()
	sign := func(more ...map[string]any) string {
		return b.issuer.Sign(t, b.issuer.Claims(host, b.clock(), append([]map[string]any{good}, more...)...))
	}
	for name, c := range changes {
		if strings.Contains(c.says, "pin") {
			continue
		}
		refused(t, name, b.exchange(sign(c.claims)), bonded.Forbidden, c.says)
	}
	if err := b.exchange(sign()); err != nil {
		t.Errorf("unchanged: %v", err)
	}
	for name, c := range changes {
		if strings.Contains(c.says, "pin") {
			refused(t, name, b.exchange(sign(c.claims)), bonded.Forbidden, c.says)
		}
	}
}

func TestForms(t *testing.T) {
	r := New(Config{Issuers: []Issuer{{URL: "https://ci.example.org", Profile: "gitlab"}, {URL: "https://id.example.org/realm/"}}})
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(release)
		maps.Copy(all, more)
		return all
	}
	for name, c := range map[string]struct {
		profile string
		fields  map[string]string
	}{
		"unknown":          {"jenkins", release},
		"nothing":          {"github", nil},
		"a URL":            {"github", with(map[string]string{"repository": "https://github.com/acme/tools"})},
		"a star":           {"github", with(map[string]string{"repository": "acme/*"})},
		"a folder":         {"github", with(map[string]string{"workflow": "x/release.yml"})},
		"no YAML":          {"github", with(map[string]string{"workflow": "release.sh"})},
		"any branch":       {"github", with(map[string]string{"environment": "", "ref": ""})},
		"short ref":        {"github", with(map[string]string{"ref": "main"})},
		"star inside":      {"github", with(map[string]string{"ref": "refs/tags/*/x"})},
		"every ref":        {"github", with(map[string]string{"ref": "refs/*"})},
		"pull requests":    {"github", with(map[string]string{"ref": "refs/pull/*"})},
		"id with letters":  {"github", with(map[string]string{"repository_id": "7a"})},
		"control":          {"github", with(map[string]string{"environment": "a\x00b"})},
		"long":             {"github", with(map[string]string{"environment": strings.Repeat("e", maxValue+1)})},
		"registered claim": {"generic@id.example.org/realm", map[string]string{"sub": "x", "claims": "aud=elsewhere"}},
		"sub again":        {"generic@id.example.org/realm", map[string]string{"sub": "x", "claims": "sub=y"}},
		"no value":         {"generic@id.example.org/realm", map[string]string{"sub": "x", "claims": "pool"}},
	} {
		_, err := r.described(c.profile, c.fields)
		refused(t, name, err, bonded.Invalid)
	}
	p, err := r.described("gitlab@ci.example.org", map[string]string{"project": "acme/tools", "ref": "refs/heads/main"})
	if err != nil || p.Issuer != "https://ci.example.org" || p.Claims[factConfig] != ".gitlab-ci.yml" {
		t.Errorf("%+v, %v", p, err)
	}
	if got, want := r.Describe(p), "GitLab CI (ci.example.org): project acme/tools, configuration file .gitlab-ci.yml, branch or tag refs/heads/main"; got != want {
		t.Errorf("described as %s", got)
	}
	// A job in a reusable workflow is its own publisher.
	p, err = r.described("github", with(map[string]string{"reusable": "acme/ci/.github/workflows/publish.yml@refs/tags/v3"}))
	if err != nil {
		t.Fatal(err)
	}
	j := &job{statement: &statement{profile: built[0], claims: claims{"repository": "acme/tools", "environment": "release", "job_workflow_ref": "acme/ci/.github/workflows/publish.yml@refs/tags/v3"}},
		facts: map[string]string{factRef: "refs/tags/v1", factWorkflow: ".github/workflows/release.yml", factReusable: "acme/ci/.github/workflows/publish.yml@refs/tags/v3"}}
	if err := j.fits(p); err != nil {
		t.Error(err)
	}
	j.facts[factReusable] = ""
	refused(t, "not reusable", j.fits(p), bonded.Forbidden, "claim job_workflow_ref")
}

// TestRefRules: a rule with a star takes what goes on after it, and a rule
// without one takes itself.
func TestRefRules(t *testing.T) {
	for rule, refs := range map[string]map[string]bool{
		"refs/tags/v*":    {"refs/tags/v1": true, "refs/tags/v": false, "refs/tags/x": false, "refs/heads/v1": false, "": false, "refs/tags/v1/x": true},
		"refs/heads/main": {"refs/heads/main": true, "refs/heads/main2": false, "refs/heads/mai": false},
		"refs/tags/*":     {"refs/tags/v1": true, "refs/tags/": false, "refs/heads/refs/tags/x": false},
	} {
		for ref, want := range refs {
			if refFits(rule, ref) != want {
				t.Errorf("%s and %s: want %v", rule, ref, want)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		rule := rapid.StringMatching(`refs/(heads|tags)/[a-z]{0,3}`).Draw(t, "rule")
		ref := rapid.StringMatching(`refs/(heads|tags)/[a-z*]{0,3}`).Draw(t, "ref")
		if refFits(rule, ref) != (rule == ref) {
			t.Errorf("%s and %s", rule, ref)
		}
	})
}

// FuzzIssuerOf reads what strangers send before anything is checked.
func FuzzIssuerOf(f *testing.F) {
	f.Add("a.b.c")
	f.Add("e30.eyJpc3MiOiJodHRwczovL2V4YW1wbGUub3JnIn0.x")
	f.Fuzz(func(t *testing.T, jwt string) {
		issuer, err := issuerOf(jwt)
		if err == nil && issuer == "" {
			t.Error("no issuer and no error")
		}
		if err != nil && len(err.Error()) > 600 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	})
}
