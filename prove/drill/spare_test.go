package drill_test

import (
	"context"
	"strings"
	"testing"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// TestForeignAccountsAreSpared: an attack on persons is not asked of a repository
// whose persons are not ours; the report says so in one sentence, and one on
// packages goes on.
func TestForeignAccountsAreSpared(t *testing.T) {
	f := &drill.Foreign{Speaks: []*visit.Site{{Dialect: tongue{id: "a"}, Base: "http://victim.example.invalid/"}}}
	stop := func(context.Context, *drill.Scene) (drill.Result, error) { return drill.Stopped("no") }
	plans := []drill.Plan{
		{Threat: "theft", Attacks: []drill.Attack{{Name: "of a package", Play: stop}, {Name: "of a session", Accounts: true, Play: stop}}},
		{Threat: "guessing", Attacks: []drill.Attack{{Name: "of a code", Accounts: true, Play: stop}}},
	}
	r, err := drill.Run(t.Context(), plans, func(context.Context, []string) (drill.Victim, error) { return f, nil }, drill.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Threats) != 1 || len(r.Threats[0].Outcomes) != 1 || r.Sum.NotPlayed != 0 || r.Spared != 2 {
		t.Errorf("%+v", r)
	}
	if text := strings.Join(strings.Fields(r.Text()), " "); !strings.Contains(text, "2 attacks on accounts left out") {
		t.Error(text)
	}
}
