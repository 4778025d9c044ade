package publish

import (
	"strings"
	"testing"

	"bonded.dev"
)

// TestTold: what the journal says of a draft names version, file and digest, and stays short.
func TestTold(t *testing.T) {
	digest := bonded.DigestOf([]byte("x"))
	release := bonded.Entry{Type: bonded.Publish, Version: "1.3.0", File: "left-1.3.0.tgz", Digest: digest}
	for _, c := range []struct {
		facts  []bonded.Entry
		action bonded.Action
		want   string
	}{
		{[]bonded.Entry{release, {Type: bonded.SetTag, Tag: "latest", Version: "1.3.0"}}, bonded.ActPublish, "1.3.0 (left-1.3.0.tgz) SHA-256 " + digest.Hex()},
		{[]bonded.Entry{{Type: bonded.SetTag, Tag: "latest", Version: "1.3.0"}, {Type: bonded.DropTag, Tag: "next"}}, bonded.ActTag, "latest is 1.3.0; next is gone"},
		{[]bonded.Entry{{Type: bonded.Yank, Version: "1"}, {Type: bonded.Undeprecate, Version: "2"}, {Type: bonded.Status, Status: "archived"}}, bonded.ActYank, "yank 1; undeprecate 2; status archived"},
		{[]bonded.Entry{{Type: bonded.Remove, Version: "1", File: "f"}, {Type: bonded.Yank, Version: "2"}}, bonded.ActDelete, "1 f"},
	} {
		d := bonded.Draft{Facts: c.facts}
		if got := told(&d, c.action); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	var many bonded.Draft
	for range 1000 {
		many.Facts = append(many.Facts, release)
	}
	if got := told(&many, bonded.ActPublish); !strings.HasSuffix(got, "; and 990 more") || len(got) > 2000 {
		t.Errorf("a thousand files: %d bytes, ...%s", len(got), got[len(got)-20:])
	}
}
