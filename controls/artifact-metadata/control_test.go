package artifactmetadata_test

import (
	"strings"
	"testing"

	"bonded.dev"
	artifactmetadata "bonded.dev/controls/artifact-metadata"
	"bonded.dev/registry/screen"
)

func TestDifferencesAreRefusedByTheirField(t *testing.T) {
	differ := bonded.Anomaly{Kind: bonded.Mismatch, Rule: "scripts", Where: "scripts", Detail: "the request says a, the tarball b"}
	for _, try := range []struct {
		about     string
		anomalies []bonded.Anomaly
		says      []string // none: it is not refused
	}{
		{"one story", nil, nil},
		{"a difference", []bonded.Anomaly{differ}, []string{`scripts at "scripts"`, "the request says a, the tarball b", "publish with an unmodified package manager"}},
		{"many differences", []bonded.Anomaly{differ, differ, differ, differ, differ}, []string{"and 2 more"}},
		{"what other controls judge", []bonded.Anomaly{{Kind: bonded.Shape}, {Kind: bonded.Bound}, {Kind: bonded.Checksum}}, nil},
	} {
		found, err := artifactmetadata.Check.Judge(screen.Case{Draft: &bonded.Draft{Anomalies: try.anomalies}})
		if err != nil || len(found) > 1 || (len(found) == 1) != (try.says != nil) {
			t.Errorf("%s: %v, %v", try.about, found, err)
			continue
		}
		for _, text := range try.says {
			if found[0].Verdict != bonded.Refuse || !strings.Contains(found[0].Reason, text) {
				t.Errorf("%s: %v %q, want %q in it", try.about, found[0].Verdict, found[0].Reason, text)
			}
		}
	}
}
