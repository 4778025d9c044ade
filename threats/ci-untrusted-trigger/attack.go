// Package ciuntrustedtrigger asks for upload tokens from jobs that strangers
// started.
package ciuntrustedtrigger

import (
	"context"
	"maps"

	"bonded.dev/prove/drill"
)

// Attacks play the threat. The job is the trusted one each time: the same
// repository, workflow file and ids. What differs is what started it, and where
// it runs.
var Attacks = []drill.Attack{
	started("a fork's pull request, with the repository's rights", "pull_request_target", ""),
	started("a pull request", "pull_request", "refs/pull/7/merge"),
	started("a comment on an issue", "issue_comment", ""),
	started("an issue that somebody opens", "issues", ""),
	started("a workflow that strangers can start starts it", "workflow_run", ""),
	started("a star that somebody gives", "watch", ""),
	started("a kind of event that nobody knows yet", "stranger_event", ""),
	started("a push to a branch that may not release", "push", "refs/heads/stranger"),
	started("a tag that only begins alike", "push", "refs/tags/x1"),
	{Name: "another workflow file of the same repository", Kinds: []string{"npm"}, Accounts: true, Play: elsewhere},
	{Name: "a stranger's pull request, where a release needs two people", Kinds: []string{"npm"}, Accounts: true, Play: reviewed},
}

func started(name, event, ref string) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		return abused(ctx, s, drill.Rules{}, func(j *drill.Job) {
			j.Claims["event_name"] = event
			if ref != "" {
				j.On(ref)
			}
		})
	}}
}

// elsewhere is a file that builds pull requests, and that nobody thought of.
func elsewhere(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return abused(ctx, s, drill.Rules{}, func(j *drill.Job) {
		j.Claims["workflow_ref"] = j.Claims["repository"].(string) + "/.github/workflows/test.yml@" + j.Claims["ref"].(string)
		j.Claims["job_workflow_ref"] = j.Claims["workflow_ref"]
	})
}

func reviewed(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	return abused(ctx, s, drill.Rules{TwoPeople: true}, func(j *drill.Job) { j.Claims["event_name"] = "pull_request_target" })
}

// abused is a job that released honestly, and then obeys a stranger.
func abused(ctx context.Context, s *drill.Scene, rules drill.Rules, how func(*drill.Job)) (drill.Result, error) {
	j, err := s.Job(ctx, false)
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
	other := *j
	other.Claims = maps.Clone(j.Claims)
	how(&other)
	identity, err := other.Identity(nil)
	if err != nil {
		return drill.Result{}, err
	}
	return other.Thief(ctx, identity, "1.1.0", "a build job that they could start")
}
