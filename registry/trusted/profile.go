package trusted

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"bonded.dev"
)

// Profile is how one kind of CI system names its jobs. Issuers without a
// profile of their own use "generic".
type Profile struct {
	ID     string // "github"; of a configured issuer "gitlab@gitlab.example.org"
	Title  string // "GitHub Actions"
	Issuer string // URL; empty: the form asks for it
	Fields []Field

	// subject is what publishers are looked up by: the claim that names the
	// repository, or what else a publisher is first of all.
	subject func(claims) string
	// derived are facts that stand inside claims, under names of their own. An
	// error is a reason to refuse the token whatever its publisher says.
	derived func(c claims, issuer string) (map[string]string, error)
	// pins are the claims with ids that are never given to somebody else.
	pins []string
	// age is how long after it was made a token is taken.
	age time.Duration
	// trigger is the claim that says what started the job, and starts are the
	// values that are taken; refused says why others are not.
	trigger string
	starts  []string
	refused map[string]string
	// either are fields of which one has to be filled.
	either []string
	// implied are claims that every publisher of this kind must find.
	implied map[string]string
}

// Field is what a person says about a publisher.
type Field struct {
	Name     string // of the form
	Label    string
	Help     string
	Claim    string // that it is compared with
	Required bool

	form func(string) (string, error) // checks and completes what was typed
}

// Names of derived facts. They cannot be claims: a claim of the same name is
// never looked at.
const (
	factRef      = "ref rule"
	factWorkflow = "workflow file"
	factReusable = "reusable workflow"
	factConfig   = "configuration file"
)

// claimOf says which claim a fact is read from, for people.
var claimOf = map[string]map[string]string{
	"github":    {factRef: "ref", factWorkflow: "workflow_ref", factReusable: "job_workflow_ref"},
	"gitlab":    {factRef: "ref_path", factConfig: "ci_config_ref_uri"},
	"buildkite": {factRef: "build_branch"},
	"circleci":  {factRef: "oidc.circleci.com/vcs-ref"},
}

const (
	// quick is for platforms whose jobs ask for a token when they need it.
	quick = 15 * time.Minute
	// slow is for those that hand it out when the job begins.
	slow = time.Hour
)

const (
	circleIssuer  = "https://oidc.circleci.com/org/"
	circleProject = "oidc.circleci.com/project-id"
	circleRef     = "oidc.circleci.com/vcs-ref"
	circleSSH     = "oidc.circleci.com/ssh-rerun"
)

const refHelp = `Branches or tags that may release: refs/tags/v* or refs/heads/main. A star stands only at the end.`

var environmentField = Field{Name: "environment", Label: "Environment", Claim: "environment",
	Help: "Exactly as in the job; best one whose releases somebody has to approve."}

// built are the ready profiles. Sources: each platform's own documentation of
// its OpenID Connect tokens, as of 2026.
var built = []Profile{
	{
		ID: "github", Title: "GitHub Actions", Issuer: "https://token.actions.githubusercontent.com",
		Fields: []Field{
			{Name: "repository", Label: "Repository", Claim: "repository", Required: true, form: ownerAndName,
				Help: "OWNER/NAME, with the capitals that the platform shows."},
			{Name: "workflow", Label: "Workflow file", Claim: factWorkflow, Required: true, form: workflowFile, Help: "For example release.yml."},
			environmentField,
			{Name: "ref", Label: "Branch or tag", Claim: factRef, form: refRule, Help: refHelp},
			{Name: "reusable", Label: "Reusable workflow", Claim: factReusable,
				Help: "If the job itself stands in another workflow: OWNER/NAME/.github/workflows/FILE@REF."},
			{Name: "repository_id", Label: "Id of the repository", Claim: "repository_id", form: number, Help: idHelp},
			{Name: "owner_id", Label: "Id of the owner", Claim: "repository_owner_id", form: number, Help: idHelp},
		},
		subject: claim("repository"), derived: github, pins: []string{"repository_id", "repository_owner_id"}, age: quick,
		either:  []string{"environment", "ref"},
		trigger: "event_name", starts: []string{"push", "release", "create", "workflow_dispatch", "repository_dispatch", "schedule", "deployment"},
		refused: map[string]string{
			"pull_request":        "anybody can open a pull request",
			"pull_request_target": "a stranger's pull request starts it with this repository's rights",
			"workflow_run":        "a workflow that strangers can start may start it",
			"issue_comment":       "anybody can write a comment",
			"issues":              "anybody can open an issue",
			"discussion":          "anybody can open a discussion",
			"discussion_comment":  "anybody can write a comment",
			"fork":                "anybody can make a fork",
			"watch":               "anybody can star a repository",
			"merge_group":         "it runs on changes that are not merged yet",
		},
	},
	{
		ID: "gitlab", Title: "GitLab CI", Issuer: "https://gitlab.com",
		Fields: []Field{
			{Name: "project", Label: "Project", Claim: "project_path", Required: true, form: projectPath,
				Help: "GROUP/PROJECT, or GROUP/SUBGROUP/PROJECT."},
			{Name: "config", Label: "Configuration file", Claim: factConfig, form: configFile, Help: "Empty: .gitlab-ci.yml."},
			environmentField,
			{Name: "ref", Label: "Branch or tag", Claim: factRef, form: refRule, Help: refHelp},
			{Name: "protected", Label: "Protected branches and tags alone", Claim: "ref_protected", form: trueOnly, Help: "Write true, or leave it empty."},
			{Name: "project_id", Label: "Id of the project", Claim: "project_id", form: number, Help: idHelp},
			{Name: "namespace_id", Label: "Id of the group or user", Claim: "namespace_id", form: number, Help: idHelp},
		},
		subject: claim("project_path"), derived: gitlab, pins: []string{"project_id", "namespace_id"}, age: slow,
		either:  []string{"environment", "ref"},
		trigger: "pipeline_source", starts: []string{"push", "web", "schedule", "api"},
		refused: map[string]string{
			"merge_request_event":         "it runs on changes that are not merged yet",
			"external_pull_request_event": "anybody can open a pull request",
			"trigger":                     "whoever has the trigger's token can start it",
			"pipeline":                    "another project starts it",
			"parent_pipeline":             "its steps may come from files that another job made",
			"chat":                        "a message in a chat starts it",
		},
	},
	{
		ID: "buildkite", Title: "Buildkite", Issuer: "https://agent.buildkite.com",
		Fields: []Field{
			{Name: "organization", Label: "Organization", Claim: "organization_slug", Required: true, form: slug, Help: "As in the URL."},
			{Name: "pipeline", Label: "Pipeline", Claim: "pipeline_slug", Required: true, form: slug, Help: "As in the URL."},
			{Name: "ref", Label: "Branch or tag", Claim: factRef, Required: true, form: refRule, Help: refHelp},
			{Name: "step", Label: "Step key", Claim: "step_key", Help: "Of the step that publishes."},
			{Name: "organization_id", Label: "Id of the organization", Claim: "organization_id", Help: idHelp},
			{Name: "pipeline_id", Label: "Id of the pipeline", Claim: "pipeline_id", Help: idHelp},
		},
		subject: func(c claims) string { return joined(c.text("organization_slug"), c.text("pipeline_slug")) },
		derived: buildkite, pins: []string{"organization_id", "pipeline_id"}, age: quick,
		trigger: "build_source", starts: []string{"ui", "api", "webhook", "schedule"},
		refused: map[string]string{"trigger_job": "another pipeline starts it"},
	},
	{
		ID: "circleci", Title: "CircleCI",
		Fields: []Field{
			{Name: "organization_id", Label: "Id of the organization", Claim: fieldIssuer, Required: true, form: uuid, Help: "From the organization's settings."},
			{Name: "project_id", Label: "Id of the project", Claim: circleProject, Required: true, form: uuid, Help: "From the project's settings."},
			{Name: "ref", Label: "Branch or tag", Claim: factRef, Required: true, form: refRule, Help: refHelp},
		},
		subject: claim(circleProject), derived: circle, age: slow,
	},
	{
		ID: "google", Title: "Google Cloud service account", Issuer: "https://accounts.google.com",
		Fields: []Field{
			{Name: "email", Label: "Service account", Claim: "email", Required: true, form: email, Help: "Its e-mail address."},
			{Name: "sub", Label: "Unique id", Claim: "sub", form: number, Help: idHelp},
		},
		subject: claim("email"), pins: []string{"sub"}, age: slow, implied: map[string]string{"email_verified": "true"},
	},
}

// generic is for every other issuer that the administrator trusts.
var generic = Profile{
	ID: "generic", Title: "OpenID Connect",
	Fields: []Field{
		{Name: "sub", Label: "Subject", Claim: "sub", Required: true, Help: "The claim sub, exactly."},
		{Name: "claims", Label: "Further claims", Claim: fieldClaims, Help: "One a line: NAME=VALUE. Each is compared exactly."},
	},
	subject: claim("sub"), age: slow,
}

const idHelp = "Empty: noted when the job comes for the first time. Names can be given up and taken by others, this cannot."

// What a field can be besides a claim.
const (
	fieldIssuer = "issuer"
	fieldClaims = FurtherClaims
)

// FurtherClaims is the Claim of a field that takes several lines: NAME=VALUE.
const FurtherClaims = "claims"

func claim(name string) func(claims) string { return func(c claims) string { return c.text(name) } }

func joined(a, b string) string {
	if a == "" || b == "" {
		return ""
	}
	return a + "/" + b
}

// workflowRef is OWNER/NAME/.github/workflows/FILE@REF.
var workflowRef = regexp.MustCompile(`^([^/@]+/[^/@]+)/(\.github/workflows/[^/@]+\.ya?ml)@(.+)$`)

// github reads which file the run began with, and on which ref. The job may
// stand in a reusable workflow; then job_workflow_ref names another file.
func github(c claims, _ string) (map[string]string, error) {
	m := workflowRef.FindStringSubmatch(c.text("workflow_ref"))
	if m == nil || m[1] != c.text("repository") || m[3] != c.text("ref") {
		return nil, mismatch("workflow_ref", c.text("workflow_ref"), "it is not a workflow of the repository at the ref that the token names")
	}
	facts := map[string]string{factWorkflow: m[2], factRef: m[3], factReusable: ""}
	if job := c.text("job_workflow_ref"); job != c.text("workflow_ref") {
		facts[factReusable] = job
	}
	return facts, nil
}

// gitlab reads the file of the pipeline: HOST/PROJECT//FILE@REF.
func gitlab(c claims, issuer string) (map[string]string, error) {
	uri := c.text("ci_config_ref_uri")
	_, host, _ := strings.Cut(issuer, "://")
	rest, ok := strings.CutPrefix(uri, strings.TrimSuffix(host, "/")+"/"+c.text("project_path")+"//")
	file, ref, at := strings.Cut(rest, "@")
	if !ok || !at || ref == "" || ref != c.text("ref_path") {
		return nil, mismatch("ci_config_ref_uri", uri, "it is not a file of the project at the ref that the token names (ref_path)")
	}
	return map[string]string{factConfig: file, factRef: ref}, nil
}

// buildkite has a tag for builds of tags, and a branch for all. Builds of
// forks have a branch "owner:branch", which no rule can name.
func buildkite(c claims, _ string) (map[string]string, error) {
	if tag := c.text("build_tag"); tag != "" {
		return map[string]string{factRef: "refs/tags/" + tag}, nil
	}
	return map[string]string{factRef: "refs/heads/" + c.text("build_branch")}, nil
}

func circle(c claims, _ string) (map[string]string, error) {
	if rerun := c.text(circleSSH); rerun != "" && rerun != "false" {
		return nil, mismatch(circleSSH, rerun, "somebody has a shell in this job")
	}
	return map[string]string{factRef: c.text(circleRef)}, nil
}

// mismatch names a claim and what it was.
func mismatch(claim, got, why string) error {
	if got == "" {
		return refusal("the identity token has no claim %s: %s", claim, why)
	}
	return refusal("the claim %s of the identity token is %s: %s", claim, show(got), why)
}

func refusal(format string, args ...any) error {
	return bonded.Refusal(bonded.Forbidden, hardened, format, args...)
}

// Controls that a drill can take out.
const (
	hardened = "trusted-publishing-hardened"
	pinning  = "external-id-pin"
)

// Profiles are those of the issuers that are taken.
func (r *Room) Profiles() []Profile {
	list := slices.Clone(built)
	for _, i := range r.Issuers {
		list = append(list, configured(i))
	}
	return list
}

// Refused are the triggers that get no upload token on any platform that has a
// ready profile, sorted.
func (r *Room) Refused() []string {
	all := map[string]bool{}
	for _, p := range built {
		for trigger := range p.refused {
			all[trigger] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// configured is the profile of an issuer that the administrator named.
func configured(i Issuer) Profile {
	p := generic
	for _, b := range built {
		if b.ID == i.Profile {
			p = b
		}
	}
	_, where, _ := strings.Cut(strings.TrimSuffix(i.URL, "/"), "://")
	p.ID, p.Title, p.Issuer = p.ID+"@"+where, p.Title+" ("+where+")", i.URL
	return p
}

// profileOf returns the profile of an issuer.
func (r *Room) profileOf(issuer string) (Profile, bool) {
	for _, p := range r.Profiles() {
		if p.Issuer == issuer && issuer != "" {
			return p, true
		}
		if id, ok := strings.CutPrefix(issuer, circleIssuer); ok && p.ID == "circleci" && isUUID(id) {
			return p, true
		}
	}
	return Profile{}, false
}

// kind is the ready profile that a profile is made from.
func (p Profile) kind() string {
	id, _, _ := strings.Cut(p.ID, "@")
	return id
}

// CheckIssuers says what is wrong with configured issuers: an address that is
// not https (http is for issuers on the same machine), or an unknown profile.
func CheckIssuers(list []Issuer) error {
	for _, i := range list {
		u, err := url.Parse(i.URL)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !safe(u) {
			return fmt.Errorf("issuer %q: want an https:// address without query; http:// only on this machine", i.URL)
		}
		known := slices.ContainsFunc(built, func(p Profile) bool { return p.ID == i.Profile && p.Issuer != "" })
		if !known && cmp.Or(i.Profile, generic.ID) != generic.ID {
			return fmt.Errorf("issuer %s: there is no profile %q; there are github, gitlab, buildkite, google and generic", i.URL, i.Profile)
		}
	}
	return nil
}
