package record

import (
	"database/sql"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// hashSizes are the numbers of places in a query for hashes; a shorter list is
// filled up by repeating its last one, so that few statements are compiled.
var hashSizes = [...]int{8, 32, 128, 512}

// Hashes returns the stored hashes at the given indexes (tlog's storage
// indexes), in their order. A missing one is an error: the log is damaged.
func (t *Tx) Hashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, len(indexes))
	for len(indexes) > 0 {
		n := min(len(indexes), hashSizes[len(hashSizes)-1])
		hs, err := t.hashes(indexes[:n])
		if err != nil {
			return nil, err
		}
		out = append(out, hs...)
		indexes = indexes[n:]
	}
	return out, nil
}

func (t *Tx) hashes(indexes []int64) ([]tlog.Hash, error) {
	const what = "read hashes of the log"
	size := hashSizes[0]
	for _, s := range hashSizes {
		if size = s; s >= len(indexes) {
			break
		}
	}
	args := make([]any, size)
	marks := make([]string, size)
	for i := range args {
		args[i] = indexes[min(i, len(indexes)-1)]
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	rows, err := t.query(what, `SELECT idx, hash FROM hash WHERE idx IN (`+strings.Join(marks, ", ")+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := make(map[int64]tlog.Hash, len(indexes))
	for rows.Next() {
		var i int64
		var b []byte
		if err := rows.Scan(&i, &b); err != nil || len(b) != tlog.HashSize {
			return nil, fmt.Errorf("%s: index %d holds %d bytes: %w", what, i, len(b), err)
		}
		found[i] = tlog.Hash(b)
	}
	if err := rows.Err(); err != nil {
		return nil, t.b.wrap(what, err)
	}
	out := make([]tlog.Hash, len(indexes))
	for k, i := range indexes {
		h, ok := found[i]
		if !ok {
			return nil, fmt.Errorf("%s: index %d is missing", what, i)
		}
		out[k] = h
	}
	return out, nil
}

// PutHashes stores hashes at consecutive storage indexes from first on.
func (t *Tx) PutHashes(first int64, hs []tlog.Hash) error {
	for i := range hs {
		if err := t.put(hashTable, first+int64(i), hs[i][:]); err != nil {
			return err
		}
	}
	return nil
}

// PutRecords sets records of the state map.
func (t *Tx) PutRecords(list []bonded.Record) error {
	for i := range list {
		if err := t.put(recordTable, list[i].Key[:], list[i].Value[:]); err != nil {
			return err
		}
	}
	return nil
}

// DropRecords empties the state map, for a rebuild from the log.
func (t *Tx) DropRecords() error {
	_, err := t.exec("empty the state map", `DELETE FROM record`)
	return err
}

// Records walks over the state map in the order of keys. Only the last pair
// can hold an error.
func (t *Tx) Records() iter.Seq2[bonded.Record, error] {
	return func(yield func(bonded.Record, error) bool) {
		var last []byte
		for {
			list, err := t.recordPage(last)
			for i := range list {
				if !yield(list[i], nil) {
					return
				}
			}
			if err != nil {
				yield(bonded.Record{}, err)
			}
			if err != nil || len(list) < recordPageSize {
				return
			}
			last = list[len(list)-1].Key[:]
		}
	}
}

const recordPageSize = 16384

// recordPage reads the records after key last; nil starts from the first.
func (t *Tx) recordPage(last []byte) ([]bonded.Record, error) {
	const what = "read the state map"
	if last == nil {
		last = []byte{} // sorts before every key
	}
	rows, err := t.query(what, `SELECT key, value FROM record WHERE key > $1 ORDER BY key LIMIT 16384`, last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := make([]bonded.Record, 0, recordPageSize)
	var key, value sql.RawBytes // copied below, before the next row
	for rows.Next() {
		if err := rows.Scan(&key, &value); err != nil {
			return list, t.b.wrap(what, err)
		}
		if len(key) != 16 || len(value) != 32 {
			return list, fmt.Errorf("%s: a record of %d and %d bytes", what, len(key), len(value))
		}
		list = append(list, bonded.Record{Key: [16]byte(key), Value: bonded.Digest(value)})
	}
	return list, t.b.wrap(what, rows.Err())
}

// Mark returns a named number that outlives restarts; one never set is 0.
func (t *Tx) Mark(name string) (uint64, error) {
	var n int64
	_, err := t.one("read the mark "+name, `SELECT value FROM mark WHERE name = $1`, []any{name}, &n)
	return uint64(n), err
}

// SetMark sets a named number.
func (t *Tx) SetMark(name string, v uint64) error { return t.put(markTable, name, int64(v)) }
