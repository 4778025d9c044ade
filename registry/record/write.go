package record

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"bonded.dev"
)

// A batch of releases writes a few rows into each of a dozen tables. Sent one
// by one they cost a round trip each; collected here they cost one in all.
// Nothing outside this file knows.

// table says how rows reach one table.
type table struct {
	name    string
	columns []string
	keys    int    // so many of the first columns are the primary key
	tail    string // what happens to a row whose key is taken
	// fresh says that no row may be there before. Rows that are there are
	// skipped and counted, not tripped over, because after an error PostgreSQL
	// answers no question about what was in the way.
	fresh bool
}

// The tables that a transaction writes in numbers, in the order of writing.
const (
	entryTable = iota
	hashTable
	recordTable
	markTable
	packageTable
	fileTable
	summaryTable
	requiresTable
	ownerTable
	downloadTable
	docTable
	auditTable
	tableCount
)

const doNothing = `ON CONFLICT DO NOTHING`

var tables = [tableCount]table{
	entryTable:    {name: "entry", columns: []string{"idx", "type", "eco", "pkg", "body"}, keys: 1, tail: doNothing, fresh: true},
	hashTable:     {name: "hash", columns: []string{"idx", "hash"}, keys: 1, tail: doNothing, fresh: true},
	recordTable:   {name: "record", columns: []string{"key", "value"}, keys: 1, tail: replace("key", "value")},
	markTable:     {name: "mark", columns: []string{"name", "value"}, keys: 1, tail: replace("name", "value")},
	packageTable:  {name: "package", columns: []string{"eco", "key", "display", "claimed"}, keys: 2, tail: doNothing, fresh: true},
	fileTable:     {name: "file", columns: []string{"eco", "key", "name", "version", "digest", "size", "idx", "blob"}, keys: 3, tail: doNothing, fresh: true},
	requiresTable: {name: "requires", columns: []string{"eco", "key", "dep_eco", "dep_key"}, keys: 4, tail: doNothing},
	docTable:      {name: "doc", columns: []string{"digest", "body"}, keys: 1, tail: doNothing},
	auditTable:    {name: "audit", columns: []string{"at", "actor", "action", "subject", "detail", "account", "waiting", "tell"}, tail: doNothing},
	ownerTable:    {name: "owner", columns: []string{"eco", "key", "user_name"}, keys: 3, tail: doNothing},
	summaryTable: {
		name:    "summary",
		columns: []string{"eco", "key", "display", "version", "description", "keywords", "license", "homepage", "updated", "folded_name", "folded_text"},
		keys:    2,
		tail:    replace("eco, key", "display", "version", "description", "keywords", "license", "homepage", "updated", "folded_name", "folded_text"),
	},
	downloadTable: {
		name:    "download",
		columns: []string{"eco", "key", "version", "day", "count"},
		keys:    4,
		tail:    `ON CONFLICT (eco, key, version, day) DO UPDATE SET count = download.count + excluded.count`,
	},
}

func replace(key string, columns ...string) string {
	sets := make([]string, len(columns))
	for i, c := range columns {
		sets[i] = c + " = excluded." + c
	}
	return "ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

// insert is the statement that writes n rows.
func (d *table) insert(n int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + d.name + " (" + strings.Join(d.columns, ", ") + ") VALUES ")
	for i := range n * len(d.columns) {
		switch {
		case i == 0:
			b.WriteByte('(')
		case i%len(d.columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String() + ") " + d.tail
}

// rows are the rows of one table that a transaction still has to write.
type rows struct {
	list [][]any
	at   map[string]int // where the row of a key stands, for tables that replace
}

// maxPending bounds the memory of a long transaction.
const maxPending = 4096

// put adds a row to those that are written together.
func (t *Tx) put(table int, row ...any) error {
	d, p := &tables[table], &t.pending[table]
	if d.tail != doNothing {
		// One statement may not touch a row twice: the last value wins here.
		key := keyOf(row[:d.keys])
		if i, ok := p.at[key]; ok {
			p.list[i] = row
			return nil
		}
		if p.at == nil {
			p.at = make(map[string]int)
		}
		p.at[key] = len(p.list)
	}
	p.list = append(p.list, row)
	if len(p.list) < maxPending {
		return nil
	}
	return t.send(t.drain(table))
}

// keyOf is a text that is equal for equal primary keys only.
func keyOf(columns []any) string {
	if b, ok := columns[0].([]byte); ok && len(columns) == 1 {
		return string(b)
	}
	return fmt.Sprintf("%q", columns)
}

// Flush writes what the transaction has collected and reports its errors now
// instead of at the commit.
func (t *Tx) Flush() error {
	var list []statement
	for table := range t.pending {
		list = append(list, t.drain(table)...)
	}
	return t.send(list)
}

// statement writes some rows into one table.
type statement struct {
	table int
	rows  [][]any
	text  string
	args  []any
}

// drain turns what is pending for a table into statements.
func (t *Tx) drain(table int) []statement {
	d, rest := &tables[table], t.pending[table].list
	t.pending[table] = rows{}
	var out []statement
	for sizes := t.b.dialect.sizes; len(rest) > 0; {
		if sizes[0] > len(rest) {
			sizes = sizes[1:]
			continue
		}
		s := statement{table: table, rows: rest[:sizes[0]], text: d.insert(sizes[0])}
		for _, row := range s.rows {
			s.args = append(s.args, row...)
		}
		out = append(out, s)
		rest = rest[sizes[0]:]
	}
	return out
}

func (t *Tx) send(list []statement) error {
	if len(list) == 0 {
		return nil
	}
	counts, err := t.b.dialect.send(t, list)
	if err != nil {
		last := list[min(len(counts), len(list)-1)]
		return t.b.wrap(fmt.Sprintf("write %d rows into %s", len(last.rows), tables[last.table].name), err)
	}
	for i, s := range list {
		if !tables[s.table].fresh || counts[i] == int64(len(s.rows)) {
			continue
		}
		switch s.table {
		case packageTable:
			return t.takenName(s.rows)
		case fileTable:
			return t.takenFile(s.rows)
		}
		return takenEntry(s.rows)
	}
	return nil
}

// sendPrepared runs statements that the book has compiled. It returns how many
// rows each one wrote, up to the one that failed.
func sendPrepared(t *Tx, list []statement) (counts []int64, err error) {
	// A context that can end costs a goroutine for each statement, and these
	// are short; Update looks at the context before it commits.
	ctx := context.WithoutCancel(t.ctx)
	for _, s := range list {
		res, err := t.tx.StmtContext(ctx, t.b.stmts[s.text]).ExecContext(ctx, s.args...)
		if err != nil {
			return counts, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return counts, err
		}
		counts = append(counts, n)
	}
	return counts, nil
}

// sendPipelined sends all statements before it waits for the first answer, so
// that a batch costs one round trip however many tables it touches.
func sendPipelined(t *Tx, list []statement) (counts []int64, err error) {
	var batch pgx.Batch
	for _, s := range list {
		batch.Queue(s.text, s.args...)
	}
	err = t.conn.Raw(func(c any) error {
		results := c.(*stdlib.Conn).Conn().SendBatch(t.ctx, &batch)
		for range list {
			tag, err := results.Exec()
			if err != nil {
				return errors.Join(err, results.Close())
			}
			counts = append(counts, tag.RowsAffected())
		}
		return results.Close()
	})
	return counts, err
}

// takenEntry: somebody wrote these places of the log while we believed to be
// alone, or the caller's idea of the head is old.
func takenEntry(list [][]any) error {
	return &bonded.Error{
		Kind:   bonded.Conflict,
		Public: "the log has moved on; nothing was changed; try again",
		Err:    fmt.Errorf("append to the log: place %v or one after it is taken", list[0][0]),
	}
}

// takenName and takenFile are reached only when every earlier check was
// passed by two writers at once, or was wrong.
func (t *Tx) takenName(list [][]any) error {
	for _, row := range list {
		var claimed int64
		found, err := t.one("read a package", `SELECT claimed FROM package WHERE eco = $1 AND key = $2`, row[:2], &claimed)
		if err != nil {
			return err
		}
		if found && claimed != row[3] {
			return bonded.Errorf(bonded.Conflict, "%s/%s is taken already", row[0], row[1])
		}
	}
	return bonded.Errorf(bonded.Conflict, "the same name twice in one batch")
}

func (t *Tx) takenFile(list [][]any) error {
	for _, row := range list {
		var index int64
		found, err := t.one("read a file", `SELECT idx FROM file WHERE eco = $1 AND key = $2 AND name = $3`, row[:3], &index)
		if err != nil {
			return err
		}
		if found && index != row[6] {
			return bonded.Errorf(bonded.Conflict, "%s/%s has a file %s already and a file name never means other bytes", row[0], row[1], row[2])
		}
	}
	return bonded.Errorf(bonded.Conflict, "the same file twice in one batch")
}
