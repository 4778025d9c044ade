package publish_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/publish"
)

// job is a build job: it is nobody's account, and its name goes to whoever made
// its trusted publisher. It says when it was judged.
type job struct {
	actor
	judged *sync.WaitGroup
	once   *sync.Once
}

func (job) User() string   { return "" }
func (j job) Name() string { return "publisher:" + j.actor.User() }
func (j job) Limits(d *bonded.Draft) error {
	j.once.Do(j.judged.Done)
	return j.actor.Limits(d)
}

// TestJobsDoNotShareANewName has jobs of different makers release the same new
// name in one batch, each another version: one of them takes it, and no version
// of another gets in beside.
func TestJobsDoNotShareANewName(t *testing.T) {
	h := open(t, onlySQLite(t))
	unlock, err := h.book.Lock(t.Context()) // the sequencer waits, and the queue fills
	must(t, err)
	var wg, judged sync.WaitGroup
	results := make([]error, 16)
	submit := func(i int, pkg string) {
		judged.Add(1)
		wg.Go(func() {
			_, results[i] = h.Submit(context.Background(), plain{}, h.ask("publish", pkg, fmt.Sprintf("1.0.%d", i)), publish.In{
				Body: strings.NewReader("bytes"), Actor: job{actor{fmt.Sprintf("maker%d", i%4), h.book}, &judged, &sync.Once{}},
			})
		})
	}
	submit(0, "first")
	judged.Wait()
	for i := range len(results) - 1 {
		submit(i+1, "shared")
	}
	judged.Wait()
	time.Sleep(20 * time.Millisecond) // between judgement and queue
	unlock()
	wg.Wait()
	winners := map[int]bool{}
	for i, err := range results[1:] {
		if err == nil {
			winners[(i+1)%4] = true
		} else if k := kind(err); k != bonded.Forbidden {
			t.Errorf("job %d got %v", i+1, err)
		}
	}
	if len(winners) != 1 {
		t.Errorf("jobs of %d makers got in", len(winners))
	}
}
