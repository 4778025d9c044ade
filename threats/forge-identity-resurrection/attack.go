// Package forgeidentityresurrection takes over names at a code host that their
// owners gave up, and asks for upload tokens under them.
package forgeidentityresurrection

import (
	"context"
	"errors"
	"maps"

	"bonded.dev/prove/drill"
)

// Attacks play the threat: the names are the same, the ids are not.
var Attacks = []drill.Attack{
	play("another owner has the names, the ids were stated", true, others),
	play("another owner has the names, the ids were noted at the first release", false, others),
	play("the same owner's name, another repository in it", false, map[string]any{"repository_id": "7002"}),
	play("another owner has the names, and their platform says no ids", false, map[string]any{"repository_id": "", "repository_owner_id": ""}),
	{Name: "another owner has the names before the first release, the ids were stated", Kinds: []string{"npm"}, Accounts: true, Play: before},
}

// others are the ids of whoever has the names now.
var others = map[string]any{"repository_id": "7002", "repository_owner_id": "3002"}

func play(name string, stated bool, ids map[string]any) drill.Attack {
	return drill.Attack{Name: name, Kinds: []string{"npm"}, Accounts: true, Play: func(ctx context.Context, s *drill.Scene) (drill.Result, error) {
		j, err := s.Job(ctx, stated)
		if err != nil {
			return drill.Result{}, err
		}
		if err := j.Released(ctx, "1.0.0"); err != nil {
			return drill.Result{}, err
		}
		return newcomer(ctx, s, j, ids)
	}}
}

func before(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	j, err := s.Job(ctx, true)
	if err != nil {
		return drill.Result{}, err
	}
	return newcomer(ctx, s, j, others)
}

// newcomer publishes under the names, and when that is refused its owner has to
// hear of it.
func newcomer(ctx context.Context, s *drill.Scene, j *drill.Job, ids map[string]any) (drill.Result, error) {
	other := *j
	other.Claims = maps.Clone(j.Claims)
	maps.Copy(other.Claims, ids)
	identity, err := other.Identity(nil)
	if err != nil {
		return drill.Result{}, err
	}
	r, err := other.Thief(ctx, identity, "1.1.0", "a name at a code host that its owner had given up")
	if err != nil || r.Harm != "" {
		return r, err
	}
	told, err := s.Told(ctx, j.Owner, j.Name, "repository")
	if err == nil && !told {
		err = errors.New("somebody else has the names, and the package's owner has no mail about it")
	}
	return r, err
}
