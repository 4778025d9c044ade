package drill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"

	"bonded.dev/prove/visit"
)

// Job is a build job that publishes a package of the owner's, and its platform.
type Job struct {
	Issuer *Issuer
	Name   string // of the package
	// Claims are what its identity tokens say of it.
	Claims map[string]any
	Owner  *Person
	scene  *Scene
}

// Where the job of a scene lives.
const (
	Workflow = "release.yml"
	Release  = "refs/tags/v*" // what may be released
	tagged   = "refs/tags/v1"
)

// Job makes a build job the trusted publisher of a new name; ids are stated with
// the form or left to be noted. Nothing is released yet.
func (s *Scene) Job(ctx context.Context, ids bool) (*Job, error) {
	issuer, err := s.Issuer(ctx)
	if err != nil {
		return nil, err
	}
	owner, err := s.Person(ctx, Owner, Passkey)
	if err != nil {
		return nil, err
	}
	name := s.Name("built")
	at := "acme/" + name
	j := &Job{Issuer: issuer, Name: name, Owner: owner, scene: s, Claims: map[string]any{
		"repository": at, "repository_id": "7001", "repository_owner_id": "3001", "event_name": "push",
	}}
	j.On(tagged)
	fields := url.Values{"repository": {at}, "workflow": {Workflow}, "ref": {Release}}
	if ids {
		fields.Set("repository_id", "7001")
		fields.Set("owner_id", "3001")
	}
	if err := owner.Trust(ctx, issuer, s.Site.Dialect.ID(), name, fields); err != nil {
		return nil, err
	}
	return j, nil
}

// On sets the branch or tag that the job runs on.
func (j *Job) On(ref string) {
	j.Claims["ref"] = ref
	j.Claims["workflow_ref"] = fmt.Sprintf("%s/.github/workflows/%s@%s", j.Claims["repository"], Workflow, ref)
	j.Claims["job_workflow_ref"] = j.Claims["workflow_ref"]
}

// Identity is an identity token of the job, with further claims or others.
func (j *Job) Identity(other map[string]any) (string, error) {
	all := maps.Clone(j.Claims)
	all["aud"] = j.Audience()
	maps.Copy(all, other)
	return j.Issuer.Mint(all)
}

// Audience is what the repository wants to be named in identity tokens.
func (j *Job) Audience() string {
	u, err := url.Parse(j.scene.Site.Base)
	if err != nil {
		return j.scene.Site.Base
	}
	return u.Hostname()
}

// Exchange shows an identity token for the upload token of the package, good
// for certain artifacts or, without digests, for any. as is empty when the
// repository refuses.
func (j *Job) Exchange(ctx context.Context, identity string, digests ...string) (as visit.Credential, a visit.Answer, err error) {
	ask := map[string]any{"token": identity, "package": j.scene.Site.Dialect.ID() + "/" + j.Name}
	if len(digests) > 0 {
		ask["digests"] = digests
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return "", a, err
	}
	res, err := j.scene.Site.Web.Do(ctx, visit.Request{Method: "POST", URL: j.scene.Site.Base + "api/v1/oidc/exchange", Body: body, Busy: true,
		Header: map[string]string{"Content-Type": "application/json"}})
	if err != nil {
		return "", a, err
	}
	a = visit.Answer{Status: res.Status, Text: visit.Plain(res)}
	var said struct{ Token, Error, Control string }
	if json.Unmarshal(res.Body, &said) == nil && said.Error != "" {
		a.Text = said.Error
	}
	if a.Taken() && said.Token == "" {
		return "", a, fmt.Errorf("the exchange answers %s and no token", a)
	}
	return visit.Credential(said.Token), a, nil
}

// Released publishes a version as the job honestly does.
func (j *Job) Released(ctx context.Context, version string) error {
	identity, err := j.Identity(nil)
	if err != nil {
		return err
	}
	as, a, err := j.Exchange(ctx, identity)
	if err != nil {
		return err
	}
	if as == "" {
		return fmt.Errorf("exchanging an identity token, which is honest: %s", a)
	}
	a, err = j.scene.Site.Publish(ctx, as, visit.Upload{Name: j.Name, Version: version, Canary: "built " + version})
	if err == nil && !a.Taken() {
		err = fmt.Errorf("publishing from a build job, which is honest: %s", a)
	}
	return err
}

// Thief offers an identity token that should not be taken, publishes a version
// with what comes of it, and says what installers get.
func (j *Job) Thief(ctx context.Context, identity, version, with string) (Result, error) {
	as, a, err := j.Exchange(ctx, identity)
	if err != nil {
		return Result{}, err
	}
	if as == "" {
		return Stopped("%s", a)
	}
	return j.scene.Reach(ctx, as, visit.Upload{Name: j.Name, Version: version, Canary: "thief"}, with)
}

const staged = 202 // taken, and not published

// Reach publishes as a thief and says whether an installer gets it; with says
// what the thief had.
func (s *Scene) Reach(ctx context.Context, as visit.Credential, up visit.Upload, with string) (Result, error) {
	a, err := s.Site.Publish(ctx, as, up)
	if err != nil {
		return Result{}, err
	}
	got, err := s.Install(ctx, up.Name, up.Version)
	if err != nil {
		return Result{}, err
	}
	if len(got) > 0 {
		return Harmed("whoever installs %s %s gets what a thief published with %s", up.Name, up.Version, with)
	}
	if a.Status == staged {
		return Stopped("%s: it waits for another person [two-person-publish] [staged-publish]", a)
	}
	return Stopped("%s", a)
}

// Digest is the SHA-256, in hexadecimal, of what an upload would send. Nobody
// offers it to the repository, which refuses.
func (s *Scene) Digest(ctx context.Context, up visit.Upload) (string, error) {
	var sum [32]byte
	up.Mangle = func(b []byte) []byte {
		sum = sha256.Sum256(b)
		return b
	}
	a, err := s.Site.Publish(ctx, "", up)
	if err == nil && a.Taken() {
		err = errors.New("the repository takes uploads of nobody")
	}
	return hex.EncodeToString(sum[:]), err
}

// Now is the platform's clock, which is the victim's.
func (i *Issuer) Now() time.Time { return i.now() }
