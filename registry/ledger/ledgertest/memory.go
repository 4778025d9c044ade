// Package ledgertest holds a log in memory, for tests of whoever writes or
// reads one.
package ledgertest

import (
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// Memory is a ledger.Tx whose every write counts at once.
type Memory struct {
	Leaves [][]byte
	Nodes  []tlog.Hash
	// Reads counts calls of Hashes, Rows the hashes and bodies that were read.
	Reads, Rows int
	// Fail, when set, is asked before every call and may return an error.
	Fail func(call string) error
}

func (m *Memory) fail(call string) error {
	if m.Fail == nil {
		return nil
	}
	return m.Fail(call)
}

// Head is the number of leaves.
func (m *Memory) Head() (uint64, error) { return uint64(len(m.Leaves)), m.fail("Head") }

// AppendEntry keeps body at index i, which must be the next.
func (m *Memory) AppendEntry(i uint64, _ bonded.Entry, body []byte) error {
	if err := m.fail("AppendEntry"); err != nil {
		return err
	}
	if i != uint64(len(m.Leaves)) {
		return fmt.Errorf("entry %d after %d entries", i, len(m.Leaves))
	}
	m.Leaves = append(m.Leaves, body)
	return nil
}

// Bodies yields leaves.
func (m *Memory) Bodies(from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := m.fail("Bodies"); err != nil {
			yield(nil, err)
			return
		}
		for i := from; i < to && i < uint64(len(m.Leaves)); i++ {
			m.Rows++
			if !yield(m.Leaves[i], nil) {
				return
			}
		}
	}
}

// Hashes returns stored hashes.
func (m *Memory) Hashes(ids []int64) ([]tlog.Hash, error) {
	m.Reads++
	m.Rows += len(ids)
	if err := m.fail("Hashes"); err != nil {
		return nil, err
	}
	out := make([]tlog.Hash, len(ids))
	for k, i := range ids {
		if i < 0 || i >= int64(len(m.Nodes)) {
			return nil, fmt.Errorf("no hash %d", i)
		}
		out[k] = m.Nodes[i]
	}
	return out, nil
}

// PutHashes keeps hashes from index first on, which must be the next.
func (m *Memory) PutHashes(first int64, hs []tlog.Hash) error {
	if err := m.fail("PutHashes"); err != nil {
		return err
	}
	if first != int64(len(m.Nodes)) {
		return fmt.Errorf("hash %d after %d hashes", first, len(m.Nodes))
	}
	m.Nodes = append(m.Nodes, hs...)
	return nil
}
