package publish

import (
	"context"
	"errors"

	"bonded.dev"
	"bonded.dev/registry/record"
)

var errNotBuilt = errors.New("not built yet")

// Review is a staged release as somebody sees who is to approve it.
type Review struct {
	Staged record.Staged
	// Against is the version that it is compared with; empty: it is the first.
	Against string
	Files   []FileChange
	// Facts are the lines of the extracted metadata that differ.
	Facts    []LineChange
	Findings []bonded.Finding
}

// FileChange is one member of the artifact that is new, gone, or different.
type FileChange struct {
	Artifact string
	Path     string
	Change   string // added, removed, changed
	Size     int64
	Lines    []LineChange // of text; at most a few hundred
}

// LineChange is one line that came ("+") or went ("-").
type LineChange struct {
	Sign string
	Text string
}

// Review returns a staged release for whoever may see it.
func (d *Desk) Review(ctx context.Context, id string, actor Actor) (Review, error) {
	return Review{}, errNotBuilt
}

// Approve publishes a staged release. The actor needs the right to publish and
// must not be who staged it. Everything is judged once more, as of now.
func (d *Desk) Approve(ctx context.Context, id string, actor Actor) (bonded.Receipt, error) {
	return bonded.Receipt{}, errNotBuilt
}

// Reject throws a staged release away; whoever staged it may do so too.
func (d *Desk) Reject(ctx context.Context, id, reason string, actor Actor) error { return errNotBuilt }

// Waiting lists the staged releases of a package that wait.
func (d *Desk) Waiting(ctx context.Context, name bonded.Name) ([]record.Staged, error) {
	return nil, errNotBuilt
}
