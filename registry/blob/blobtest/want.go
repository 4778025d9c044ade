package blobtest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/blob"
)

// commit stages b in uneven writes.
func commit(t *testing.T, s blob.Store, b []byte) string {
	t.Helper()
	st, err := s.Stage(t.Context())
	must(t, err)
	defer st.Abort()
	for rest := b; len(rest) > 0; {
		n := min(len(rest), 1_234_567)
		_, err := st.Write(rest[:n])
		must(t, err)
		rest = rest[n:]
	}
	id, err := st.Commit(t.Context(), bonded.DigestOf(b))
	must(t, err)
	return id
}

// race runs do n times at once and returns which calls succeeded.
func race(n int, do func(i int) error) (won []int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if do(i) == nil {
				mu.Lock()
				won = append(won, i)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return won
}

// pattern is n bytes that all depend on c.
func pattern(n int, c byte) []byte {
	b := bytes.Repeat([]byte{c}, n)
	sum := sha256.Sum256([]byte{c})
	for i := 1; i < n; i += 257 {
		b[i] = sum[i%len(sum)]
	}
	return b
}

func wantBytes(t *testing.T, s blob.Store, key string, want []byte) {
	t.Helper()
	got, err := s.Get(t.Context(), key)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Get %s = %d bytes, %v; want %d bytes", key, len(got), err, len(want))
	}
}

func wantKeys(t *testing.T, s blob.Store, prefix string, want ...string) {
	t.Helper()
	got := []string{}
	for info, err := range s.List(t.Context(), prefix) {
		must(t, err)
		got = append(got, info.Key)
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("List %q = %q, want %q", prefix, got, want)
	}
}

func wantNoLeftovers(t *testing.T, s blob.Store) {
	t.Helper()
	if n, err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("%d unfinished writes were left, %v", n, err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want one that is %v", err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
