package record

import (
	"fmt"
	"strconv"
	"strings"

	"bonded.dev"
)

// A batch of releases writes a few rows into each of a dozen tables. Sent one
// by one they cost a round trip each; collected here they cost one for each
// table. Nothing outside this file knows.

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
	auditTable:    {name: "audit", columns: []string{"at", "actor", "action", "subject", "detail"}, tail: doNothing},
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
	return t.flush(table)
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
	for table := range t.pending {
		if err := t.flush(table); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) flush(table int) error {
	p := t.pending[table]
	if len(p.list) == 0 {
		return nil
	}
	t.pending[table] = rows{}
	sizes := t.b.dialect.sizes
	for rest := p.list; len(rest) > 0; {
		for sizes[0] > len(rest) {
			sizes = sizes[1:]
		}
		if err := t.insert(table, rest[:sizes[0]]); err != nil {
			return err
		}
		rest = rest[sizes[0]:]
	}
	return nil
}

func (t *Tx) insert(table int, list [][]any) error {
	d := &tables[table]
	args := make([]any, 0, len(list)*len(d.columns))
	for _, row := range list {
		args = append(args, row...)
	}
	text := d.insert(len(list))
	what := fmt.Sprintf("write %d rows into %s", len(list), d.name)
	n, err := t.execPrepared(text, args)
	if err != nil {
		return t.b.wrap(what, err)
	}
	if !d.fresh || n == int64(len(list)) {
		return nil
	}
	switch table {
	case packageTable:
		return t.takenName(list)
	case fileTable:
		return t.takenFile(list)
	}
	return takenEntry(list)
}

func (t *Tx) execPrepared(text string, args []any) (int64, error) {
	stmt := t.b.stmts[text]
	if stmt == nil {
		res, err := t.tx.ExecContext(t.ctx, text, args...)
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}
	res, err := t.tx.StmtContext(t.ctx, stmt).ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
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
