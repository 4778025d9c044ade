package uploaddigests_test

import (
	"strings"
	"testing"

	"bonded.dev"
	uploaddigests "bonded.dev/controls/upload-digests"
	"bonded.dev/registry/screen"
)

func TestOneWrongDigestRefuses(t *testing.T) {
	for _, try := range []struct {
		kind   bonded.AnomalyKind
		refuse bool
	}{
		{bonded.Checksum, true}, {bonded.Shape, false}, {bonded.Bound, false}, {bonded.Mismatch, false},
	} {
		d := &bonded.Draft{Anomalies: []bonded.Anomaly{{Kind: try.kind, Rule: "md5_digest", Where: "md5_digest", Detail: "the form says 00, the file has ff"}}}
		found, err := uploaddigests.Check.Judge(screen.Case{Draft: d})
		if err != nil || (len(found) == 1) != try.refuse {
			t.Errorf("%s: %v, %v", try.kind, found, err)
		}
		if try.refuse && (found[0].Verdict != bonded.Refuse || !strings.Contains(found[0].Reason, "the form says 00, the file has ff") || !strings.Contains(found[0].Reason, "upload again")) {
			t.Errorf("%+v", found[0])
		}
	}
	if found, err := uploaddigests.Check.Judge(screen.Case{Draft: &bonded.Draft{}}); err != nil || len(found) != 0 {
		t.Errorf("nothing wrong: %v, %v", found, err)
	}
}
