// Package oidcpublishtheft acts inside a trusted build job, or with what was
// taken there.
package oidcpublishtheft

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. The job released 1.0.0 honestly before.
var Attacks = []drill.Attack{
	play("the job's identity token, taken on its way, a second time", drill.Rules{}, again),
	play("the upload token for another package of its owner", drill.Rules{}, elsewhere),
	play("the upload token an hour later", drill.Rules{}, late),
	play("the upload token for bytes that the job did not announce", drill.Rules{}, unannounced),
	play("the upload token deletes a release", drill.Rules{}, deletes),
	play("a thief inside the job releases, where a release needs two people", drill.Rules{TwoPeople: true}, inside),
	play("... ten versions in a row", drill.Rules{TwoPeople: true}, burst),
	play("... and approves them with the upload token", drill.Rules{TwoPeople: true}, approves),
}

type theft func(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error)

func play(name string, rules drill.Rules, do theft) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		j, err := s.Job(ctx, true)
		if err != nil {
			return drill.Result{}, err
		}
		if err := j.Released(ctx, "1.0.0"); err != nil {
			return drill.Result{}, err
		}
		if rules != (drill.Rules{}) {
			if err := j.Owner.Rule(ctx, s.Site.Dialect.ID(), j.Name, rules); err != nil {
				return drill.Result{}, err
			}
		}
		return do(ctx, s, j)
	}}
}

// taken is an upload token of the job, in the hands of a thief.
func taken(ctx context.Context, j *drill.Job, digests ...string) (visit.Credential, error) {
	identity, err := j.Identity(nil)
	if err != nil {
		return "", err
	}
	as, a, err := j.Exchange(ctx, identity, digests...)
	if err == nil && as == "" {
		err = fmt.Errorf("exchanging an identity token, which is honest: %s", a)
	}
	return as, err
}

func again(ctx context.Context, _ *drill.Scene, j *drill.Job) (drill.Result, error) {
	identity, err := j.Identity(nil)
	if err != nil {
		return drill.Result{}, err
	}
	as, a, err := j.Exchange(ctx, identity)
	if err != nil || as == "" {
		return drill.Result{}, errors.Join(err, fmt.Errorf("exchanging an identity token, which is honest: %s", a))
	}
	return j.Thief(ctx, identity, "1.1.0", "an identity token that they read in the job")
}

func elsewhere(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	other := s.Name("other")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: other, Version: "1.0.0", Canary: "owner"}); err != nil {
		return drill.Result{}, err
	}
	as, err := taken(ctx, j)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Reach(ctx, as, visit.Upload{Name: other, Version: "1.1.0", Canary: "thief"}, "another package's upload token")
}

func late(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	as, err := taken(ctx, j)
	if err != nil {
		return drill.Result{}, err
	}
	if err := s.Later(ctx, time.Hour); err != nil {
		return drill.Result{}, err
	}
	return s.Reach(ctx, as, visit.Upload{Name: j.Name, Version: "1.1.0", Canary: "thief"}, "an upload token that they read in the job's log")
}

func unannounced(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	up := visit.Upload{Name: j.Name, Version: "1.1.0", Canary: "built 1.1.0"}
	digest, err := s.Digest(ctx, up)
	if err != nil {
		return drill.Result{}, err
	}
	as, err := taken(ctx, j, digest)
	if err != nil {
		return drill.Result{}, err
	}
	evil := up
	evil.Canary = "thief"
	r, err := s.Reach(ctx, as, evil, "an upload token for bytes that the job built")
	if err != nil || r.Harm != "" {
		return r, err
	}
	// What was announced is still taken: it was no broken token.
	a, err := s.Site.Publish(ctx, as, up)
	if err == nil && !a.Taken() {
		err = fmt.Errorf("publishing what was announced, which is honest: %s", a)
	}
	return r, err
}

func deletes(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	as, err := taken(ctx, j)
	if err != nil {
		return drill.Result{}, err
	}
	a, err := s.Site.Dialect.Delete(ctx, s.Site, as, j.Name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, j.Name, "1.0.0")
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) == 0 {
		return drill.Harmed("the token of a build job took %s 1.0.0 away from everybody who builds on it", j.Name)
	}
	return drill.Stopped("%s", a)
}

func inside(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	as, err := taken(ctx, j)
	if err != nil {
		return drill.Result{}, err
	}
	return s.Reach(ctx, as, visit.Upload{Name: j.Name, Version: "1.1.0", Canary: "thief"}, "code that got into the job")
}

func burst(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	const versions = 10
	reached := 0
	var r drill.Result
	for i := range versions {
		as, err := taken(ctx, j)
		if err != nil {
			return r, err
		}
		if r, err = s.Reach(ctx, as, visit.Upload{Name: j.Name, Version: fmt.Sprintf("1.%d.0", i+1), Canary: "thief"}, "code that got into the job"); err != nil {
			return r, err
		}
		if r.Harm != "" {
			reached++
		}
	}
	if reached > 0 {
		return drill.Harmed("%d of %d versions of %s that nobody wanted can be installed", reached, versions, j.Name)
	}
	return r, nil
}

// approves takes the step that belongs to a person, with all that a job has.
func approves(ctx context.Context, s *drill.Scene, j *drill.Job) (drill.Result, error) {
	as, err := taken(ctx, j)
	if err != nil {
		return drill.Result{}, err
	}
	up := visit.Upload{Name: j.Name, Version: "1.1.0", Canary: "thief"}
	r, err := s.Reach(ctx, as, up, "code that got into the job")
	if err != nil || r.Harm != "" {
		return r, err
	}
	id, err := j.Owner.Waiting(ctx, j.Name, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	res, err := s.Site.Web.Do(ctx, visit.Request{Method: "POST", URL: s.Site.Base + "review/" + id + "/approve", NoRedirect: true,
		Header: map[string]string{"Authorization": as.Bearer(), "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}})
	if err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, up.Name, up.Version)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever installs %s 1.1.0 gets what a job released and approved by itself", j.Name)
	}
	return drill.Stopped("a job is nobody on the pages: %d [staged-publish]", res.Status)
}
