package trusted

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/record"
)

const (
	maxValue  = 300 // bytes of one field
	maxClaims = 20  // of one publisher
)

// described reads what a person said about a job into a publisher that has
// neither id nor package yet.
func (r *Room) described(profile string, fields map[string]string) (record.Publisher, error) {
	var p Profile
	for _, q := range r.Profiles() {
		if q.ID == profile {
			p = q
		}
	}
	if p.ID == "" {
		return record.Publisher{}, bonded.Errorf(bonded.Invalid, "there is no CI system %s here; choose one of the list", show(profile))
	}
	out := record.Publisher{Profile: p.ID, Issuer: p.Issuer, Claims: map[string]string{}}
	for _, f := range p.Fields {
		v := strings.TrimSpace(fields[f.Name])
		if v == "" && f.Required {
			return out, bonded.Errorf(bonded.Invalid, "%s: this has to be filled in. %s", f.Label, f.Help)
		}
		if err := fill(&out, f, v); err != nil {
			return out, err
		}
	}
	if len(p.either) > 0 && !slices.ContainsFunc(p.either, func(name string) bool { return strings.TrimSpace(fields[name]) != "" }) {
		return out, bonded.Errorf(bonded.Invalid,
			"say which jobs may release: an environment, or the branches or tags (refs/tags/v*); otherwise every branch that anybody may push to could")
	}
	maps.Copy(out.Claims, p.implied)
	out.Subject = p.subject(out.Claims)
	return out, nil
}

// fill takes one field over. Two facts are compared even when the field is
// empty: the usual configuration file, and no reusable workflow.
func fill(out *record.Publisher, f Field, v string) error {
	if v == "" && f.Claim != factReusable && f.Claim != factConfig {
		return nil
	}
	if len(v) > maxValue || f.Claim != fieldClaims && !plain(v) {
		return bonded.Errorf(bonded.Invalid, "%s: at most %d bytes, and no control characters", f.Label, maxValue)
	}
	if f.form != nil {
		completed, err := f.form(v)
		if err != nil {
			return bonded.Errorf(bonded.Invalid, "%s: %v", f.Label, err)
		}
		v = completed
	}
	switch f.Claim {
	case fieldIssuer:
		out.Issuer = circleIssuer + v
	case fieldClaims:
		return fillClaims(out, f, v)
	default:
		out.Claims[f.Claim] = v
	}
	return nil
}

func fillClaims(out *record.Publisher, f Field, text string) error {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" || !plain(line) || slices.Contains(registered, name) || len(out.Claims) >= maxClaims {
			return bonded.Errorf(bonded.Invalid, "%s: %s is not NAME=VALUE, or there are too many; sub, iss, aud, exp, nbf, iat and jti are no names here", f.Label, show(line))
		}
		out.Claims[name] = value
	}
	return nil
}

// registered are the claims that mean the same in every token (RFC 7519
// section 4.1) and are checked in a way of their own.
var registered = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}

// plain says if a text is printable ASCII.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// wrong is what a form says; the label is put before it.
type wrong string

func (w wrong) Error() string { return string(w) }

func pattern(expression string, otherwise wrong) func(string) (string, error) {
	re := regexp.MustCompile(expression)
	return func(v string) (string, error) {
		if !re.MatchString(v) {
			return "", otherwise
		}
		return v, nil
	}
}

var (
	ownerAndName = pattern(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`, "want OWNER/NAME, without a URL around it")
	projectPath  = pattern(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`, "want GROUP/PROJECT, without a URL around it")
	slug         = pattern(`^[a-z0-9][a-z0-9-]*$`, "want it as it stands in the URL: small letters, digits and hyphens")
	number       = pattern(`^[0-9]{1,24}$`, "an id is a number")
	email        = pattern(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+$`, "want an e-mail address, for example release@project.iam.gserviceaccount.com")
	trueOnly     = pattern(`^true$`, "write true, or leave it empty")
	uuid         = pattern(`^`+uuidForm+`$`, "an id looks like 123e4567-e89b-12d3-a456-426614174000")
	refForm      = regexp.MustCompile(`^refs/(heads|tags)/[^*\s~^:?\[\\]*\*?$`)
	anUUID       = regexp.MustCompile(`^` + uuidForm + `$`)
)

const uuidForm = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`

func isUUID(s string) bool { return anUUID.MatchString(s) }

// workflowFile completes release.yml to the path that tokens have.
func workflowFile(v string) (string, error) {
	v = strings.TrimPrefix(v, ".github/workflows/")
	if strings.ContainsAny(v, "/@ ") || !strings.HasSuffix(v, ".yml") && !strings.HasSuffix(v, ".yaml") {
		return "", wrong("want the name of a file in .github/workflows that ends in .yml or .yaml")
	}
	return ".github/workflows/" + v, nil
}

func configFile(v string) (string, error) {
	switch {
	case v == "":
		return ".gitlab-ci.yml", nil
	case strings.ContainsAny(v, "@ ") || strings.HasPrefix(v, "/") || !strings.HasSuffix(v, ".yml") && !strings.HasSuffix(v, ".yaml"):
		return "", wrong("want the path of a file in the project that ends in .yml or .yaml")
	}
	return v, nil
}

func refRule(v string) (string, error) {
	if !refForm.MatchString(v) || strings.HasSuffix(v, "/") {
		return "", wrong("write it in full: refs/heads/main, refs/tags/v1.0, or with a star at the end refs/tags/v*")
	}
	return v, nil
}

// refFits compares a ref with a rule. No ref has a colon (git-check-ref-format);
// what has one is a fork's branch, "owner:branch", and fits no star.
func refFits(rule, ref string) bool {
	if strings.Contains(ref, ":") {
		return false
	}
	prefix, star := strings.CutSuffix(rule, "*")
	if !star {
		return ref == rule
	}
	return strings.HasPrefix(ref, prefix) && len(ref) > len(prefix)
}

// Describe says in one line which job a publisher is.
func (r *Room) Describe(p record.Publisher) string {
	title, fields := p.Profile, []Field(nil)
	for _, q := range r.Profiles() {
		if q.ID == p.Profile {
			title, fields = q.Title, q.Fields
		}
	}
	var parts []string
	known := map[string]bool{}
	for _, f := range fields {
		known[f.Claim] = true
		if v := p.Claims[f.Claim]; v != "" {
			parts = append(parts, strings.ToLower(f.Label[:1])+f.Label[1:]+" "+v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Claims)) {
		if v := p.Claims[name]; v != "" && !known[name] {
			parts = append(parts, name+" "+v)
		}
	}
	return title + ": " + strings.Join(parts, ", ")
}
