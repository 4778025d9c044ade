package visit_test

import (
	"strings"
	"testing"
	"time"

	"bonded.dev/prove/visit"
)

// TestASharedCache holds what RFC 9111 lets one do, with a credential in the
// request and without.
func TestASharedCache(t *testing.T) {
	const date, before, after = "Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 00:00:00 GMT", "Tue, 24 Nov 2026 11:00:00 GMT"
	for _, try := range []struct {
		status     int
		header     string
		open, kept bool // storable without a credential, and with one
		fresh      time.Duration
	}{
		{200, "", true, false, 0},
		{200, "Cache-Control: no-store", false, false, 0},
		{200, "Cache-Control: private, max-age=60", false, false, time.Minute},
		{200, "Cache-Control: max-age=60", true, false, time.Minute},
		{200, "Cache-Control: PUBLIC, Max-Age=60", true, true, time.Minute},
		{200, "Cache-Control: max-age=60|Cache-Control: must-revalidate", true, true, time.Minute},
		{200, "Cache-Control: s-maxage=10, max-age=60", true, true, 10 * time.Second},
		{200, "Cache-Control: public, no-cache", true, true, 0},
		{200, "Cache-Control: max-age=soon", true, false, 0},
		{200, "Vary: *|Cache-Control: public, max-age=60", false, false, time.Minute},
		{200, "Date: " + date + "|Expires: " + after, true, false, time.Hour},
		{200, "Date: " + date + "|Expires: 0", true, false, 0},
		{200, "Date: " + date + "|Last-Modified: " + before, true, false, time.Hour},
		{401, "Date: " + date + "|Last-Modified: " + before, false, false, 0},
		{401, "Cache-Control: max-age=5", true, false, 5 * time.Second},
		{404, "", true, false, 0},
	} {
		r := visit.Response{Status: try.status, Header: visit.Header{}}
		for line := range strings.SplitSeq(try.header, "|") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				r.Header.Add(name, value)
			}
		}
		if got := r.Storable(false); got != try.open {
			t.Errorf("%d %q: storable %v", try.status, try.header, got)
		}
		if got := r.Storable(true); got != try.kept {
			t.Errorf("%d %q: storable for one who shows a credential %v", try.status, try.header, got)
		}
		if got := r.Fresh(); got != try.fresh {
			t.Errorf("%d %q: fresh for %s, want %s", try.status, try.header, got, try.fresh)
		}
	}
}
