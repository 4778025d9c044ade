package event

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"bonded.dev/registry/record"

	"github.com/go-json-experiment/json"
)

// Line is one line of the journal as it leaves the repository, NDJSON.
// docs/formats/journal.md describes it.
type Line struct {
	ID       int64     `json:"id"` // rising, with gaps
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
	Action   string    `json:"action"`
	Title    string    `json:"title"`
	Severity int       `json:"severity"` // 1 informational to 4 high
	Subject  string    `json:"subject,omitempty"`
	Account  string    `json:"account,omitempty"`
	Waiting  string    `json:"waiting,omitempty"`
	Detail   string    `json:"detail,omitempty"`
}

// Format writes lines of the journal in one of the forms that people and
// programs read.
type Format func(w io.Writer, a record.Audit) error

// Formats are all forms, by name.
var formats = map[string]Format{"ndjson": writeLine, "ocsf": writeOCSF, "text": writeText}

// FormatNames are the names of all forms.
func FormatNames() []string { return slices.Sorted(maps.Keys(formats)) }

// FormatOf finds a form by name.
func FormatOf(name string) (Format, bool) {
	f, ok := formats[name]
	return f, ok
}

// LineOf is a line of the journal as it leaves the repository. An action that
// this program does not know any more has its id for a title.
func LineOf(a record.Audit) Line {
	k := kindOf(a)
	return Line{ID: a.ID, At: a.At.UTC(), Actor: a.Actor, Action: a.Action, Title: k.Title, Severity: k.Severity,
		Subject: a.Subject, Account: a.Account, Waiting: a.Waiting, Detail: a.Detail}
}

func kindOf(a record.Audit) Kind {
	if k, ok := Find(a.Action); ok {
		return k
	}
	return Kind{ID: a.Action, Title: a.Action, Class: 6001, Activity: 99, Severity: 1}
}

func writeLine(w io.Writer, a record.Audit) error {
	b, err := json.Marshal(LineOf(a), json.Deterministic(true))
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	return err
}

// writeText is one line for a terminal.
func writeText(w io.Writer, a record.Audit) error {
	_, err := fmt.Fprintf(w, "%s  %-18s %-16s %s\n", a.At.UTC().Format("2006-01-02 15:04:05"), a.Action, printable(a.Actor),
		printable(strings.Join(slices.DeleteFunc([]string{a.Subject, a.Detail}, func(s string) bool { return s == "" }), ": ")))
	return err
}

// printable takes from a text what a terminal would obey.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// chunk is how many lines are read at once.
const chunk = 500

// Export hands every line that a filter means to do, oldest first.
func Export(ctx context.Context, book *record.Book, f record.JournalFilter, do func(record.Audit) error) error {
	for {
		list, err := book.Journal(ctx, f, chunk)
		if err != nil {
			return err
		}
		for _, a := range list {
			if err := do(a); err != nil {
				return err
			}
			f.After = a.ID
		}
		if len(list) < chunk {
			return nil
		}
	}
}

// settled is after how long no line with a smaller id comes any more: ids are
// drawn when a transaction writes and seen when it commits.
const settled = time.Minute

// Follow is Export that goes on with what happens, until ctx ends. It looks
// again whenever tick says so. Each line comes once; two of the same minute may
// come in another order than that of their ids.
func Follow(ctx context.Context, book *record.Book, f record.JournalFilter, now func() time.Time, tick <-chan time.Time, do func(record.Audit) error) error {
	seen := map[int64]bool{}
	for {
		err := Export(ctx, book, f, func(a record.Audit) error {
			if seen[a.ID] {
				return nil
			}
			seen[a.ID] = true
			return do(a)
		})
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if f.After, err = floor(ctx, book, f, now().Add(-settled)); err != nil {
			return err
		}
		maps.DeleteFunc(seen, func(id int64, _ bool) bool { return id <= f.After })
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// floor is the highest id up to which every line is older than a time.
func floor(ctx context.Context, book *record.Book, f record.JournalFilter, before time.Time) (int64, error) {
	for {
		list, err := book.Journal(ctx, f, chunk)
		if err != nil {
			return f.After, err
		}
		for _, a := range list {
			if !a.At.Before(before) {
				return f.After, nil
			}
			f.After = a.ID
		}
		if len(list) < chunk {
			return f.After, nil
		}
	}
}
