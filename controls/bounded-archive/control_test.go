package boundedarchive_test

import (
	"strings"
	"testing"

	"bonded.dev"
	boundedarchive "bonded.dev/controls/bounded-archive"
	"bonded.dev/internal/archive"
	"bonded.dev/registry/screen"
)

func TestEveryBoundIsRefused(t *testing.T) {
	for _, rule := range []archive.Rule{
		archive.TooManyEntries, archive.EntryTooLarge, archive.TooLarge, archive.Ratio,
		archive.NameTooLong, archive.TooDeep, archive.HeaderTooLarge, archive.WantedTooLarge,
	} {
		d := &bonded.Draft{Anomalies: []bonded.Anomaly{{Kind: bonded.Bound, Rule: string(rule), Detail: "more than 5"}}}
		found, err := boundedarchive.Check.Judge(screen.Case{Draft: d})
		if err != nil || len(found) != 1 || found[0].Verdict != bonded.Refuse || !strings.Contains(found[0].Reason, string(rule)+" (more than 5); split it") {
			t.Errorf("%s: %v, %v", rule, found, err)
		}
	}
}

func TestOtherAnomaliesAreLeftToOthers(t *testing.T) {
	for _, kind := range []bonded.AnomalyKind{bonded.Shape, bonded.Mismatch, bonded.Checksum} {
		found, err := boundedarchive.Check.Judge(screen.Case{Draft: &bonded.Draft{Anomalies: []bonded.Anomaly{{Kind: kind, Rule: "x"}}}})
		if err != nil || len(found) != 0 {
			t.Errorf("%s: %v, %v", kind, found, err)
		}
	}
}
