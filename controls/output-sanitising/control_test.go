package outputsanitising_test

import (
	"strings"
	"testing"

	"bonded.dev"
	outputsanitising "bonded.dev/controls/output-sanitising"
	"bonded.dev/registry/screen"
)

func TestWhatATerminalObeysIsRefused(t *testing.T) {
	for _, try := range []struct {
		kind   bonded.AnomalyKind
		refuse bool
	}{
		{bonded.Unprintable, true}, {bonded.Shape, false}, {bonded.Bound, false}, {bonded.Mismatch, false}, {bonded.Checksum, false},
	} {
		d := &bonded.Draft{Anomalies: []bonded.Anomaly{{Kind: try.kind, Rule: "unprintable", Where: "/description", Detail: "the character U+001B"}}}
		found, err := outputsanitising.Check.Judge(screen.Case{Draft: d})
		if err != nil || (len(found) == 1) != try.refuse {
			t.Errorf("%s: %v, %v", try.kind, found, err)
		}
		if try.refuse && (found[0].Verdict != bonded.Refuse || !strings.Contains(found[0].Reason, `"/description" (the character U+001B); take them out`)) {
			t.Errorf("%+v", found[0])
		}
	}
}
