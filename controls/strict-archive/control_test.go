package strictarchive_test

import (
	"strings"
	"testing"

	"bonded.dev"
	strictarchive "bonded.dev/controls/strict-archive"
	"bonded.dev/internal/archive"
	"bonded.dev/internal/archive/archivetest"
	"bonded.dev/registry/screen"
)

// TestEveryRuleIsJudged reads the hostile archives and wants each refused by
// the name of its rule.
func TestEveryRuleIsJudged(t *testing.T) {
	base := []archivetest.Entry{archivetest.File("package/package.json", "{}")}
	for kind, cases := range map[archive.Kind][]archivetest.Case{archive.TarGz: archivetest.TarGzCases(), archive.Zip: archivetest.ZipCases()} {
		for _, c := range cases {
			if archive.Rule(c.Rule).Bound() {
				continue // bounded-archive judges it
			}
			b := c.Build(base...)
			inv, err := archive.Read(strings.NewReader(string(b)), int64(len(b)), kind, archive.Limits{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := &bonded.Draft{}
			for _, a := range inv.Of(false) {
				d.Anomalies = append(d.Anomalies, bonded.Anomaly{Kind: bonded.Shape, Rule: string(a.Rule), Where: a.Entry, Detail: a.Detail})
			}
			found, err := strictarchive.Check.Judge(screen.Case{Draft: d})
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || found[0].Verdict != bonded.Refuse || !strings.Contains(found[0].Reason, c.Rule) {
				t.Errorf("%v, %s: %v, want a refusal for %s", kind, c.Name, found, c.Rule)
			}
		}
	}
}

func TestTidyArchivesAndOtherAnomaliesPass(t *testing.T) {
	for _, anomalies := range [][]bonded.Anomaly{nil, {{Kind: bonded.Bound, Rule: "ratio"}}, {{Kind: bonded.Mismatch}, {Kind: bonded.Checksum}}} {
		found, err := strictarchive.Check.Judge(screen.Case{Draft: &bonded.Draft{Anomalies: anomalies}})
		if err != nil || len(found) != 0 {
			t.Errorf("%v: %v, %v", anomalies, found, err)
		}
	}
}
