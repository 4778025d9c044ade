package record

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// JournalFilter says which lines of the journal are meant; what is zero does
// not limit.
type JournalFilter struct {
	Account string    // about this account, or done by it
	Subject string    // about this package, ECOSYSTEM/NAME, or organisation, "@org"
	Since   time.Time // not before
	After   int64     // with an id above
	Before  int64     // with an id below
}

// where is the condition of the filter, with its arguments; a condition that is
// not asked for is left out, so that the indexes serve the others.
func (f JournalFilter) where() (text string, args []any) {
	text = "WHERE 1 = 1"
	and := func(cond string, v any) {
		args = append(args, v)
		text += " AND (" + strings.ReplaceAll(cond, "?", "$"+strconv.Itoa(len(args))) + ")"
	}
	if f.Account != "" {
		and("account = ? OR actor = ? OR subject = ?", f.Account)
	}
	if f.Subject != "" {
		and("subject = ?", f.Subject)
	}
	if !f.Since.IsZero() {
		and("at >= ?", micros(f.Since))
	}
	if f.After != 0 {
		and("id > ?", f.After)
	}
	if f.Before != 0 {
		and("id < ?", f.Before)
	}
	return text, args
}

// Journal returns at most n lines, oldest first.
func (b *Book) Journal(ctx context.Context, f JournalFilter, n int) ([]Audit, error) {
	where, args := f.where()
	return b.audits(ctx, fmt.Sprintf("%s%s ORDER BY id LIMIT %d", auditColumns, where, n), args...)
}

// JournalBack returns at most n lines, newest first.
func (b *Book) JournalBack(ctx context.Context, f JournalFilter, n int) ([]Audit, error) {
	where, args := f.where()
	return b.audits(ctx, fmt.Sprintf("%s%s ORDER BY id DESC LIMIT %d", auditColumns, where, n), args...)
}
