package publish

import (
	"fmt"
	"strings"

	"bonded.dev"
	"bonded.dev/registry/event"
	"bonded.dev/registry/record"
)

// rows writes what is not public history: search, dependants, documents, audit.
func (b *batch) rows(e *entrant) error {
	for _, doc := range e.draft.Docs {
		if err := b.tx.PutDoc(doc); err != nil {
			return err
		}
	}
	if e.draft.Summary != nil {
		if err := b.tx.SetSummary(e.draft.Name, *e.draft.Summary, b.now); err != nil {
			return err
		}
	}
	if err := b.tx.AddRequires(e.draft.Name, e.draft.Requires); err != nil {
		return err
	}
	if e.draft.Removes() && !b.packages[e.draft.Name.String()].Live() {
		if err := b.tx.DropRequires(e.draft.Name); err != nil {
			return err
		}
		if err := b.tx.SetSummary(e.draft.Name, bonded.Summary{}, b.now); err != nil {
			return err
		}
	}
	for _, action := range e.draft.Needs() {
		err := event.Record(b.tx, record.Audit{At: b.now, Actor: e.actor.Name(), Action: string(action),
			Subject: e.draft.Name.String(), Detail: told(&e.draft, action)})
		if err != nil {
			return err
		}
	}
	return nil
}

// maxTold bounds what one line of the journal lists.
const maxTold = 10

// told is what the journal, and so the mail to the owners, says of the facts of
// a draft that one action made: versions, files and digests, tags, states.
func told(d *bonded.Draft, action bonded.Action) string {
	var list []string
	for i := range d.Facts {
		f := &d.Facts[i]
		if needs := (&bonded.Draft{Facts: d.Facts[i : i+1]}).Needs(); len(needs) == 1 && needs[0] == action {
			list = append(list, inWords(f))
		}
	}
	if more := len(list) - maxTold; more > 0 {
		list = append(list[:maxTold], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, "; ")
}

func inWords(f *bonded.Entry) string {
	switch f.Type {
	case bonded.Publish:
		return fmt.Sprintf("%s (%s) SHA-256 %s", f.Version, f.File, f.Digest.Hex())
	case bonded.Remove:
		return strings.TrimSpace(f.Version + " " + f.File)
	case bonded.SetTag:
		return f.Tag + " is " + f.Version
	case bonded.DropTag:
		return f.Tag + " is gone"
	case bonded.Status:
		return "status " + f.Status
	}
	return strings.TrimSpace(string(f.Type) + " " + f.Version)
}
