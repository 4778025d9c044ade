package tokenlifetime_test

import (
	"testing"

	tokenlifetime "bonded.dev/controls/token-lifetime"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
)

func TestProbe(t *testing.T) {
	look := func(list string, want audit.State) {
		t.Helper()
		v := audittest.Visit(t, "npm", audittest.Pages{"/-/npm/v1/tokens": {Type: "application/json", Body: list}})
		v.Credential = "t"
		audittest.Look(t, tokenlifetime.Probe, v, want)
	}
	look(`{"objects":[{"key":"a","expires":"2026-07-01T00:00:00Z"}]}`, audit.Unknown)
	look(`{"objects":[{"key":"a","expires":null}]}`, audit.NotHeld)
	look(`{"objects":[{"key":"a","expires":"2026-07-01T00:00:00Z"},{"key":"b","created":"2020-01-01"}]}`, audit.NotHeld)
	look(`<html>`, audit.Unknown)
	audittest.Look(t, tokenlifetime.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Unknown)
}
