package privacy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"bonded.dev/registry/privacy"
	"bonded.dev/registry/record"
)

func TestEverythingThatGrowsOldHasARule(t *testing.T) {
	var ruled []string
	for _, r := range privacy.Retention {
		ruled = append(ruled, r.What)
		if r.Of == "" || r.From == "" || r.Why == "" {
			t.Errorf("%s: a rule says what, from when, and why", r.What)
		}
	}
	if kinds := record.OldKinds(); !slices.Equal(kinds, ruled) {
		t.Errorf("rules for %v, in the order of %v", ruled, kinds)
	}
}

// TestRetentionIsAsDocumented holds the table of docs/privacy.md against the code.
func TestRetentionIsAsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/privacy.md")
	must(t, err)
	for _, r := range privacy.Retention {
		row := fmt.Sprintf("| %s | %s | %s | %s |\n", r.Of, days(r.Keep), r.From, r.Why)
		if !strings.Contains(string(b), row) {
			t.Errorf("docs/privacy.md lacks the row\n%s", row)
		}
	}
	if n := strings.Count(string(b), " days | "); n != len(privacy.Retention) {
		t.Errorf("docs/privacy.md has %d rows with days, the code has %d rules", n, len(privacy.Retention))
	}
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d.Hours()/24)) }

func TestOldThingsGoOnceADay(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		line := func(action string, age time.Duration) {
			h.update(func(tx *record.Tx) error { return tx.Audit(record.Audit{At: h.now.Add(-age), Action: action}) })
		}
		const day = 24 * time.Hour
		line("signin.ok", 91*day)
		line("signin.ok", 89*day)
		line("token.add", 91*day)
		line("token.add", 731*day)
		left := func() (n int) {
			list, err := h.book.Audits(ctx, 0, 100)
			must(t, err)
			return len(list)
		}
		before := left()
		found, err := h.Tidy(ctx, true)
		must(t, err)
		for _, o := range found {
			want := map[string]int64{"signins": 1, "journal": 1}[o.What]
			if o.Rows != want {
				t.Errorf("%s: %d rows are old, want %d", o.What, o.Rows, want)
			}
		}
		if left() != before {
			t.Error("a dry run deleted something")
		}
		must(t, h.Daily(ctx))
		if got := left(); got != before-2 {
			t.Errorf("%d lines stay of %d", got, before)
		}
		line("token.add", 731*day)
		must(t, h.Daily(ctx))
		if got := left(); got != before-1 {
			t.Error("it was done twice in a day")
		}
		h.now = h.now.Add(day)
		must(t, h.Daily(ctx))
		if got := left(); got != before-2 {
			t.Errorf("%d lines stay of %d a day later", got, before)
		}
	})
}
