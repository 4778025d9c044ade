package all_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bonded.dev/controls/all"
	"bonded.dev/prove/audit"
)

// TestTold: an empty document speaks for nothing, whatever it is asked.
func TestTold(t *testing.T) {
	for id, says := range all.Told() {
		if _, err := os.Stat(filepath.Join("..", id, "control.md")); err != nil {
			t.Error(err)
		}
		if got := says(&audit.Security{}); got != "" {
			t.Errorf("%s: a document that says nothing says %q", id, got)
		}
	}
}

// TestToldIsWeighed: naming a thing is not enough where one of several matters.
func TestToldIsWeighed(t *testing.T) {
	s := &audit.Security{}
	s.Accounts.Factors, s.Accounts.Writers = []string{"totp", "sms"}, []string{"totp", "sms"}
	s.Accounts.TokenMakers = []string{"webauthn", "totp"}
	s.Accounts.Notices = []string{"carrier pigeon"}
	for id, want := range map[string]bool{"mfa-totp": false, "mfa-webauthn": false, "mfa-phishing-resistant": false, "security-notify": false, "mfa-required-all": true} {
		if got := all.Told()[id](s); (got != "") != want {
			t.Errorf("%s: %q", id, got)
		}
	}
}

// TestTrials holds the table against the folders, and each of its rows to
// steps and a sentence.
func TestTrials(t *testing.T) {
	for id, trial := range all.Trials() {
		if _, err := os.Stat(filepath.Join("..", id, "control.md")); err != nil {
			t.Error(err)
		}
		if len(trial.Steps) == 0 || slices.Contains(trial.Steps, "") || trial.Held == "" {
			t.Errorf("%s: %+v", id, trial)
		}
	}
}
