package record

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"bonded.dev"
)

// Logged is one leaf of the log as it was written.
type Logged struct {
	Index uint64
	Entry bonded.Entry // of a type "x-..." only Type is set
	Body  []byte       // exactly the leaf
}

// page is how many rows a loop reads ahead, so that its body is free to ask
// the same transaction something else.
const page = 1024

// Head returns how many entries the log has, which is the index of the next.
func (t *Tx) Head() (uint64, error) {
	var n int64
	_, err := t.one("read the head of the log", `SELECT coalesce(max(idx) + 1, 0) FROM entry`, nil, &n)
	return uint64(n), err
}

// AppendEntry writes the leaf at index i. body is what e.Marshal returned. A
// place that is taken is an error of kind Conflict, at the next Flush.
func (t *Tx) AppendEntry(i uint64, e bonded.Entry, body []byte) error {
	return t.put(entryTable, int64(i), string(e.Type), e.Name.Ecosystem, e.Name.Key, body)
}

// Entries walks over the log from index from up to and without to. Only the
// last pair can hold an error.
func (t *Tx) Entries(from, to uint64) iter.Seq2[Logged, error] {
	return t.entries("read the log", from, logPage, int64(to))
}

const logPage = `SELECT idx, body FROM entry WHERE idx >= $1 AND idx < $2 ORDER BY idx LIMIT 1024`

// PackageEntries walks over the history of one package, from index from on.
func (t *Tx) PackageEntries(name bonded.Name, from uint64) iter.Seq2[Logged, error] {
	return t.entries("read the history of "+name.String(), from,
		`SELECT idx, body FROM entry WHERE idx >= $1 AND eco = $2 AND pkg = $3 ORDER BY idx LIMIT 1024`, name.Ecosystem, name.Key)
}

// HouseEntries walks over what concerns the repository as a whole: its origin,
// its URL, its keys and the names that were claimed. The condition is spelled
// as in the partial index that serves it.
func (t *Tx) HouseEntries(from uint64) iter.Seq2[Logged, error] {
	return t.entries("read the entries about the repository", from,
		`SELECT idx, body FROM entry WHERE idx >= $1 AND type IN ('genesis', 'site', 'key', 'name') ORDER BY idx LIMIT 1024`)
}

// Bodies walks over the leaves themselves, from index from up to and without
// to. Only the last pair can hold an error.
func (t *Tx) Bodies(from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for l, err := range t.leaves("read the log", from, logPage, int64(to)) {
			if !yield(l.Body, err) {
				return
			}
		}
	}
}

// entries reads what leaves yields as facts.
func (t *Tx) entries(what string, from uint64, text string, args ...any) iter.Seq2[Logged, error] {
	return func(yield func(Logged, error) bool) {
		for l, err := range t.leaves(what, from, text, args...) {
			if err == nil {
				l.Entry, err = bonded.ParseEntry(l.Body)
				if errors.Is(err, bonded.ErrIgnored) {
					err = nil
				}
				if err != nil {
					err = fmt.Errorf("%s: index %d: %w", what, l.Index, err)
				}
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// leaves reads page after page; $1 of the statement is where a page starts.
func (t *Tx) leaves(what string, from uint64, text string, args ...any) iter.Seq2[Logged, error] {
	return func(yield func(Logged, error) bool) {
		for {
			list, err := t.leafPage(what, from, text, args)
			for i := range list {
				if !yield(list[i], nil) {
					return
				}
			}
			if err != nil {
				yield(Logged{}, err)
			}
			if err != nil || len(list) < page {
				return
			}
			from = list[len(list)-1].Index + 1
		}
	}
}

func (t *Tx) leafPage(what string, from uint64, text string, args []any) ([]Logged, error) {
	rows, err := t.query(what, text, append([]any{int64(from)}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Logged
	for rows.Next() {
		var l Logged
		var i int64
		if err := rows.Scan(&i, &l.Body); err != nil {
			return list, t.b.wrap(what, err)
		}
		l.Index = uint64(i)
		list = append(list, l)
	}
	return list, t.b.wrap(what, rows.Err())
}

// Facts turns logged entries into what bonded.Fold takes. Entries that every
// reader ignores are left out. The first error ends the walk and is left in
// *err, which the caller looks at afterwards.
func Facts(in iter.Seq2[Logged, error], err *error) iter.Seq2[uint64, bonded.Entry] {
	return func(yield func(uint64, bonded.Entry) bool) {
		for l, e := range in {
			if e != nil {
				*err = e
				return
			}
			if strings.HasPrefix(string(l.Entry.Type), "x-") {
				continue
			}
			if !yield(l.Index, l.Entry) {
				return
			}
		}
	}
}

// Package folds the whole history of a package. One that nobody ever named
// comes back with Head 0.
func (t *Tx) Package(name bonded.Name) (*bonded.Package, error) {
	var err error
	p, foldErr := bonded.Fold(name, Facts(t.PackageEntries(name, 0), &err))
	return p, errors.Join(err, foldErr)
}

// House folds what concerns the repository as a whole.
func (t *Tx) House() (*bonded.House, error) {
	var err error
	h, foldErr := bonded.FoldHouse(Facts(t.HouseEntries(0), &err))
	return h, errors.Join(err, foldErr)
}
