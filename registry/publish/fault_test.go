package publish_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/internal/failing"
)

// TestEveryStoreFailureIsWholeOrNothing fails the first, second, third ...
// operation of the blob store during a publish. Whatever the client was told,
// after a restart the release is wholly there or wholly not, and an
// acknowledged one is there.
func TestEveryStoreFailureIsWholeOrNothing(t *testing.T) {
	onBothPairs(t, everyStoreFailure)
}

func everyStoreFailure(t *testing.T, fresh func() place) {
	for n := int64(1); ; n++ {
		at := fresh()
		h := open(t, at)
		must(t, h.publish("alice", "left-pad", "1.0.0", "first"))
		h.faults.FailNth(n)
		err := h.publish("alice", "left-pad", "1.1.0", "second")
		happened := h.faults.Spent()
		h.faults.FailNth(0)
		h.stop()

		h = open(t, at)
		document, artifact := h.read("plain/left-pad/index"), h.read("plain/left-pad/-/left-pad-1.1.0.bin")
		past, pastErr := h.Past(t.Context(), bonded.Name{Ecosystem: "plain", Key: "left-pad"})
		must(t, pastErr)
		logged := past.Release("1.1.0") != nil
		whole := fmt.Sprint(logged, strings.Contains(document, "1.1.0"), artifact == "second")
		if whole != "true true true" && whole != "false false false" {
			t.Errorf("operation %d failed (client heard %v): logged, documented, stored = %s", n, err, whole)
		}
		if err == nil && !logged {
			t.Errorf("operation %d: acknowledged and lost", n)
		}
		if err := h.publish("alice", "left-pad", "2.0.0", "third"); err != nil {
			t.Errorf("operation %d: the house does not recover: %v", n, err)
		}
		if !happened {
			if err != nil {
				t.Fatalf("nothing failed and yet: %v", err)
			}
			if n < 10 {
				t.Fatalf("only %d operations were tried", n)
			}
			t.Logf("%d operations failed one by one", n-1)
			return
		}
	}
}

// TestFailedShelfIsMendedByTheNextBatch keeps the process alive after a failure
// behind the commit: the facts are true and the next batch shows them.
func TestFailedShelfIsMendedByTheNextBatch(t *testing.T) {
	onBothPairs(t, failedShelf)
}

func failedShelf(t *testing.T, fresh func() place) {
	h := open(t, fresh())
	must(t, h.publish("alice", "left-pad", "1.0.0", "first"))
	for n := int64(3); n < 40; n++ {
		version := fmt.Sprintf("1.%d.0", n)
		h.faults.FailNth(n)
		err := h.publish("alice", "left-pad", version, "bytes")
		happened := h.faults.Spent()
		h.faults.FailNth(0)
		if !happened {
			return
		}
		if err == nil || errors.Is(err, failing.ErrInjected) && kind(err) == bonded.Unavailable {
			must(t, h.publish("alice", "other", version, "bytes"))
			if !strings.Contains(h.read("plain/left-pad/index"), version) {
				t.Errorf("operation %d: %s is logged and the next batch did not show it", n, version)
			}
		}
	}
}

// TestEveryFailureOfAnApprovalIsWholeOrNothing fails every operation of the blob
// store in turn while a staged release is approved: afterwards it waits, or it is
// published.
func TestEveryFailureOfAnApprovalIsWholeOrNothing(t *testing.T) {
	for n := int64(1); ; n++ {
		at := onlySQLite(t)
		h := newPad(t, at)
		id := h.stage("alice", "pad", "1.1.0", "second")
		h.faults.FailNth(n)
		_, err := h.Approve(t.Context(), id, h.person("bob"))
		happened := h.faults.Spent()
		h.faults.FailNth(0)
		h.stop()

		h = open(t, at)
		waiting, listErr := h.Waiting(t.Context(), pad)
		must(t, listErr)
		past, pastErr := h.Past(t.Context(), pad)
		must(t, pastErr)
		logged := past.Release("1.1.0") != nil
		if whole := logged && h.read("plain/pad/-/pad-1.1.0.bin") == "second"; whole == (len(waiting) == 1) || logged != whole {
			t.Errorf("operation %d failed (the approver heard %v): logged %v, whole %v, %d wait", n, err, logged, whole, len(waiting))
		}
		if len(waiting) == 1 {
			if _, err := h.Approve(t.Context(), id, h.person("bob")); err != nil {
				t.Errorf("operation %d: approved again: %v", n, err)
			}
		}
		if !happened {
			if err != nil || n < 8 {
				t.Fatalf("%d operations, %v", n-1, err)
			}
			return
		}
	}
}
