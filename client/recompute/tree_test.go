package recompute_test

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// ledgerNodes are the stored hashes over leaves, made by tlog alone.
func ledgerNodes(t testing.TB, leaves [][]byte) (nodes []tlog.Hash) {
	t.Helper()
	read := tlog.HashReaderFunc(func(ids []int64) (out []tlog.Hash, _ error) {
		for _, i := range ids {
			out = append(out, nodes[i])
		}
		return out, nil
	})
	for i, leaf := range leaves {
		hs, err := tlog.StoredHashes(int64(i), leaf, read)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, hs...)
	}
	return nodes
}

func headOf(t testing.TB, r *repo) bonded.Digest {
	t.Helper()
	h, err := tlog.TreeHash(int64(len(r.tx.Leaves)), tlog.HashReaderFunc(r.tx.Hashes))
	if err != nil {
		t.Fatal(err)
	}
	return bonded.Digest(h)
}
