package publish

import (
	"context"
	"testing"

	"bonded.dev"
)

// TestReviewsWaitForAPlace: not everybody who looks at once takes memory at once.
func TestReviewsWaitForAPlace(t *testing.T) {
	for range cap(comparing) {
		comparing <- struct{}{}
		defer func() { <-comparing }()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := place(ctx)
	if kind, _, _ := bonded.Explain(err); kind != bonded.Unavailable {
		t.Errorf("with every place taken: %v", err)
	}
}
