// Package blobtest is the conformance suite of registry/blob. Every
// implementation of blob.Store runs it; a new one is done when it passes.
package blobtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/registry/blob"
)

// Run puts stores made by open through their paces. open returns an empty
// store and cleans up by itself.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"PutGet", putGet},
		{"Create", create},
		{"Absent", absent},
		{"Delete", deletes},
		{"HostileKeys", hostileKeys},
		{"OddKeys", oddKeys},
		{"List", list},
		{"Seek", seek},
		{"OpenKeepsBytes", openKeepsBytes},
		{"StatTag", statTag},
		{"Stage", stage},
		{"StageLarge", stageLarge},
		{"Abort", abort},
		{"ReaderAt", readerAt},
		{"Release", release},
		{"ReleaseTwice", releaseTwice},
		{"ReleaseLarge", releaseLarge},
		{"ReleaseRace", releaseRace},
		{"PutRace", putRace},
		{"CreateRace", createRace},
		{"Discard", discard},
		{"QuarantineIDs", quarantineIDs},
		{"Sweep", sweep},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// large is more than an implementation may want to keep in memory, with a
// tail, so that it ends inside a part.
const large = 17<<20 + 12345

func putGet(t *testing.T, s blob.Store) {
	ctx := t.Context()
	for _, size := range []int{0, 1, 100, 1 << 16, 3 << 20} {
		b := pattern(size, 'p')
		must(t, s.Put(ctx, "public/doc", b))
		wantBytes(t, s, "public/doc", b)
	}
	must(t, s.Sync(ctx))
	must(t, s.Put(ctx, "public/doc", []byte("shorter")))
	wantBytes(t, s, "public/doc", []byte("shorter"))
	info, err := s.Stat(ctx, "public/doc")
	must(t, err)
	if info.Key != "public/doc" || info.Size != 7 || info.Modified.IsZero() {
		t.Errorf("Stat = %+v", info)
	}
}

func create(t *testing.T, s blob.Store) {
	must(t, s.Create(t.Context(), "public/a", []byte("first")))
	wantErr(t, s.Create(t.Context(), "public/a", []byte("second")), fs.ErrExist)
	wantBytes(t, s, "public/a", []byte("first"))
	wantKeys(t, s, "", "public/a")
}

func absent(t *testing.T, s blob.Store) {
	ctx := t.Context()
	must(t, s.Put(ctx, "public/a/b", []byte("x")))
	for _, key := range []string{"public/none", "none", "public/a", "public/a/b/c", "public/a/none"} {
		_, err := s.Get(ctx, key)
		wantErr(t, err, fs.ErrNotExist)
		_, err = s.Open(ctx, key)
		wantErr(t, err, fs.ErrNotExist)
		_, err = s.Stat(ctx, key)
		wantErr(t, err, fs.ErrNotExist)
	}
}

func deletes(t *testing.T, s blob.Store) {
	ctx := t.Context()
	must(t, s.Put(ctx, "public/a", []byte("x")))
	must(t, s.Delete(ctx, "public/a"))
	must(t, s.Delete(ctx, "public/a"))
	must(t, s.Delete(ctx, "public/never/was"))
	_, err := s.Get(ctx, "public/a")
	wantErr(t, err, fs.ErrNotExist)
	must(t, s.Put(ctx, "public/a", []byte("again")))
	wantBytes(t, s, "public/a", []byte("again"))
}

func hostileKeys(t *testing.T, s blob.Store) {
	ctx := t.Context()
	id := commit(t, s, []byte("quarantined"))
	for _, key := range []string{
		"", "/", ".", "..", "/etc/passwd", "a/", "a//b", "./a", "a/.", "a/./b",
		"../a", "a/..", "a/../b", "public/../../x", "a\x00b", "a\nb", "a\x7fb",
		`a\b`, `..\a`, "a/\xff", "tmp", "tmp/x", strings.Repeat("a", 251), strings.Repeat("a/", 501) + "a",
	} {
		wantErr(t, s.Put(ctx, key, []byte("x")), blob.ErrKey)
		wantErr(t, s.Create(ctx, key, []byte("x")), blob.ErrKey)
		wantErr(t, s.Delete(ctx, key), blob.ErrKey)
		wantErr(t, s.Release(ctx, id, key), blob.ErrKey)
		_, err := s.Get(ctx, key)
		wantErr(t, err, blob.ErrKey)
		_, err = s.Open(ctx, key)
		wantErr(t, err, blob.ErrKey)
		_, err = s.Stat(ctx, key)
		wantErr(t, err, blob.ErrKey)
	}
	wantKeys(t, s, "", id)
}

func oddKeys(t *testing.T, s blob.Store) {
	ctx := t.Context()
	keys := []string{
		"public/...", "public/..a", "public/a..b", "public/-", "public/a b", "public/a%2fb", "public/a%",
		"public/a+b", "public/a&b=c", "public/a?b", "public/a#b", "public/@s/p", "public/é", "public/日本", "public/a;b",
		"public/a'b\"c", "public/<a>", "public/*", "public/" + strings.Repeat("a", 250),
	}
	for _, key := range keys {
		must(t, s.Put(ctx, key, []byte(key)))
	}
	for _, key := range keys {
		wantBytes(t, s, key, []byte(key))
	}
	wantKeys(t, s, "public/", keys...)
}

func list(t *testing.T, s blob.Store) {
	ctx := t.Context()
	for _, key := range []string{"public/a", "public/ab/c", "public/ab/d/e", "public/b", "manifest/public/a"} {
		must(t, s.Put(ctx, key, []byte("12345")))
	}
	wantKeys(t, s, "", "public/a", "public/ab/c", "public/ab/d/e", "public/b", "manifest/public/a")
	wantKeys(t, s, "public/", "public/a", "public/ab/c", "public/ab/d/e", "public/b")
	wantKeys(t, s, "public/a", "public/a", "public/ab/c", "public/ab/d/e")
	wantKeys(t, s, "public/ab/", "public/ab/c", "public/ab/d/e")
	wantKeys(t, s, "public/ab/d", "public/ab/d/e")
	wantKeys(t, s, "public/none/", []string{}...)
	wantKeys(t, s, "../", []string{}...)
	for info, err := range s.List(ctx, "public/b") {
		must(t, err)
		if info.Size != 5 || info.Modified.IsZero() {
			t.Errorf("listed %+v", info)
		}
	}
	for range s.List(ctx, "") {
		break // stopping early is fine
	}
}

func seek(t *testing.T, s blob.Store) {
	ctx := t.Context()
	want := pattern(300_000, 's')
	must(t, s.Put(ctx, "public/a", want))
	o, err := s.Open(ctx, "public/a")
	must(t, err)
	defer o.Close()
	if n, err := o.Seek(0, io.SeekEnd); err != nil || n != int64(len(want)) {
		t.Errorf("Seek to the end = %d, %v", n, err)
	}
	for _, r := range [][2]int64{{0, 10}, {299_990, 10}, {1000, 70_000}, {1000, 1}, {71_000, 100}, {0, 300_000}} {
		_, err := o.Seek(r[0], io.SeekStart)
		must(t, err)
		got := make([]byte, r[1])
		_, err = io.ReadFull(o, got)
		must(t, err)
		if !bytes.Equal(got, want[r[0]:r[0]+r[1]]) {
			t.Errorf("bytes %d..+%d differ", r[0], r[1])
		}
	}
	if n, err := o.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read at the end = %d, %v", n, err)
	}
	if _, err := o.Seek(-1, io.SeekStart); err == nil {
		t.Error("Seek before the beginning succeeded")
	}
}

// openKeepsBytes: whoever reads while a key is replaced sees the old bytes or
// an error, never a mixture.
func openKeepsBytes(t *testing.T, s blob.Store) {
	ctx := t.Context()
	old := pattern(2<<20, 'o')
	must(t, s.Put(ctx, "public/a", old))
	o, err := s.Open(ctx, "public/a")
	must(t, err)
	defer o.Close()
	head := make([]byte, 1000)
	_, err = io.ReadFull(o, head)
	must(t, err)
	must(t, s.Put(ctx, "public/a", pattern(2<<20, 'n')))
	_, err = o.Seek(1<<20, io.SeekStart)
	must(t, err)
	rest, err := io.ReadAll(o)
	if err == nil && !bytes.Equal(rest, old[1<<20:]) {
		t.Error("an open object gave other bytes after its key was replaced")
	}
}

func statTag(t *testing.T, s blob.Store) {
	ctx := t.Context()
	must(t, s.Put(ctx, "public/a", []byte("one")))
	first, err := s.Stat(ctx, "public/a")
	must(t, err)
	again, err := s.Stat(ctx, "public/a")
	must(t, err)
	must(t, s.Put(ctx, "public/a", []byte("two")))
	other, err := s.Stat(ctx, "public/a")
	must(t, err)
	if first.Tag == "" || first.Tag != again.Tag || first.Tag == other.Tag {
		t.Errorf("tags %q, %q, after a change %q", first.Tag, again.Tag, other.Tag)
	}
	o, err := s.Open(ctx, "public/a")
	must(t, err)
	defer o.Close()
	if o.Info() != other {
		t.Errorf("Open says %+v, Stat %+v", o.Info(), other)
	}
}

func stage(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 1, 20_000} {
		b := pattern(size, 'q')
		id := commit(t, s, b)
		d, err := blob.DigestOfID(id)
		must(t, err)
		if d != bonded.DigestOf(b) {
			t.Errorf("id %s is not of digest %s", id, bonded.DigestOf(b).Hex())
		}
		wantBytes(t, s, id, b)
	}
}

func stageLarge(t *testing.T, s blob.Store) {
	b := pattern(large, 'L')
	id := commit(t, s, b)
	wantBytes(t, s, id, b)
	wantKeys(t, s, "", id)
	wantNoLeftovers(t, s)
}

func abort(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 1000, large} {
		st, err := s.Stage(t.Context())
		must(t, err)
		_, err = st.Write(pattern(size, 'x'))
		must(t, err)
		must(t, st.Abort())
		must(t, st.Abort())
		if _, err := st.Commit(t.Context(), bonded.DigestOf(nil)); err == nil {
			t.Error("Commit after Abort succeeded")
		}
	}
	// A client that goes away takes its context along.
	ctx, cancel := context.WithCancel(t.Context())
	st, err := s.Stage(ctx)
	must(t, err)
	_, err = st.Write(pattern(large, 'x'))
	must(t, err)
	cancel()
	must(t, st.Abort())
	wantKeys(t, s, "", []string{}...)
	wantNoLeftovers(t, s)
}

func readerAt(t *testing.T, s blob.Store) {
	want := pattern(large, 'r')
	id := commit(t, s, want)
	r, done, err := s.ReaderAt(t.Context(), id)
	must(t, err)
	for _, k := range [][2]int{{0, 4}, {large - 22, 22}, {1 << 20, 100}, {1<<20 - 3, 10}, {5, 3 << 20}, {12 << 20, 1 << 16}} {
		got := make([]byte, k[1])
		if _, err := r.ReadAt(got, int64(k[0])); err != nil && err != io.EOF {
			t.Fatalf("ReadAt %d: %v", k[0], err)
		}
		if !bytes.Equal(got, want[k[0]:k[0]+k[1]]) {
			t.Errorf("bytes %d..+%d differ", k[0], k[1])
		}
	}
	if n, err := r.ReadAt(make([]byte, 10), large-4); n != 4 || err != io.EOF {
		t.Errorf("ReadAt over the end = %d, %v", n, err)
	}
	all, err := io.ReadAll(io.NewSectionReader(r, 0, large))
	must(t, err)
	if !bytes.Equal(all, want) {
		t.Error("a section reader saw other bytes")
	}
	must(t, done())
	_, _, err = s.ReaderAt(t.Context(), id+"x")
	wantErr(t, err, fs.ErrNotExist)
}

func release(t *testing.T, s blob.Store) {
	ctx := t.Context()
	a, b := pattern(5000, 'a'), pattern(5000, 'b')
	ida, idb := commit(t, s, a), commit(t, s, b)
	must(t, s.Release(ctx, ida, "public/npm/x/-/x.tgz"))
	wantBytes(t, s, "public/npm/x/-/x.tgz", a)
	wantErr(t, s.Release(ctx, idb, "public/npm/x/-/x.tgz"), fs.ErrExist)
	wantBytes(t, s, "public/npm/x/-/x.tgz", a)
	must(t, s.Release(ctx, idb, "public/npm/y/-/y.tgz"))
	must(t, s.Sync(ctx))
	wantKeys(t, s, "", "public/npm/x/-/x.tgz", "public/npm/y/-/y.tgz")
}

func releaseTwice(t *testing.T, s blob.Store) {
	ctx := t.Context()
	b := pattern(5000, 'a')
	id := commit(t, s, b)
	must(t, s.Release(ctx, id, "public/x"))
	must(t, s.Release(ctx, id, "public/x"))
	// The same bytes staged twice are the same bytes.
	twin := commit(t, s, b)
	must(t, s.Release(ctx, twin, "public/x"))
	wantBytes(t, s, "public/x", b)
	wantKeys(t, s, "", "public/x")
	// Moved before, but the key means other bytes now, or none.
	must(t, s.Put(ctx, "public/x", []byte("other")))
	wantErr(t, s.Release(ctx, id, "public/x"), fs.ErrExist)
	must(t, s.Delete(ctx, "public/x"))
	wantErr(t, s.Release(ctx, id, "public/x"), fs.ErrNotExist)
}

func releaseLarge(t *testing.T, s blob.Store) {
	ctx := t.Context()
	a, b := pattern(large, 'a'), pattern(large, 'b')
	ida, idb := commit(t, s, a), commit(t, s, b)
	must(t, s.Release(ctx, ida, "public/x"))
	must(t, s.Release(ctx, ida, "public/x"))
	wantErr(t, s.Release(ctx, idb, "public/x"), fs.ErrExist)
	wantBytes(t, s, "public/x", a)
	must(t, s.Discard(ctx, idb))
	wantKeys(t, s, "", "public/x")
	wantNoLeftovers(t, s)
}

func releaseRace(t *testing.T, s blob.Store) {
	for _, size := range []int{3000, 9 << 20} {
		const n = 8
		key := fmt.Sprintf("public/%d", size)
		var bodies [n][]byte
		var ids [n]string
		for i := range n {
			bodies[i] = pattern(size, byte('a'+i))
			ids[i] = commit(t, s, bodies[i])
		}
		won := race(n, func(i int) error { return s.Release(t.Context(), ids[i], key) })
		if len(won) != 1 {
			t.Fatalf("%d of %d releases of different bytes to one key succeeded", len(won), n)
		}
		wantBytes(t, s, key, bodies[won[0]])
	}
	wantNoLeftovers(t, s)
}

func putRace(t *testing.T, s blob.Store) {
	const n = 8
	race(n, func(i int) error { return s.Put(t.Context(), "public/x", pattern(50_000, byte('a'+i))) })
	got, err := s.Get(t.Context(), "public/x")
	must(t, err)
	if len(got) != 50_000 || !bytes.Equal(got, pattern(50_000, got[0])) {
		t.Error("concurrent Puts mixed their bytes")
	}
}

func createRace(t *testing.T, s blob.Store) {
	const n = 8
	won := race(n, func(i int) error { return s.Create(t.Context(), "public/x", pattern(50_000, byte('a'+i))) })
	if len(won) != 1 {
		t.Fatalf("%d of %d Creates succeeded", len(won), n)
	}
	wantBytes(t, s, "public/x", pattern(50_000, byte('a'+won[0])))
}

func discard(t *testing.T, s blob.Store) {
	id := commit(t, s, []byte("refused"))
	must(t, s.Discard(t.Context(), id))
	must(t, s.Discard(t.Context(), id))
	wantErr(t, s.Release(t.Context(), id, "public/x"), fs.ErrNotExist)
	wantKeys(t, s, "", []string{}...)
}

func quarantineIDs(t *testing.T, s blob.Store) {
	ctx := t.Context()
	must(t, s.Put(ctx, "public/x", []byte("x")))
	hex := bonded.DigestOf([]byte("x")).Hex()
	for _, id := range []string{
		"", "public/x", "quarantine/", "quarantine/" + hex, "quarantine/" + hex + ".", "quarantine/x.y",
		"quarantine/" + hex + ".a/b", "quarantine/../public/x", "quarantine/" + strings.ToUpper(hex) + ".a", hex + ".a",
	} {
		wantErr(t, s.Release(ctx, id, "public/y"), blob.ErrKey)
		wantErr(t, s.Discard(ctx, id), blob.ErrKey)
		_, _, err := s.ReaderAt(ctx, id)
		wantErr(t, err, blob.ErrKey)
	}
	wantKeys(t, s, "", "public/x")
}

func sweep(t *testing.T, s blob.Store) {
	ctx := t.Context()
	st, err := s.Stage(ctx)
	must(t, err)
	_, err = st.Write(pattern(large, 'x'))
	must(t, err)
	wantKeys(t, s, "", []string{}...)
	if n, err := s.Sweep(ctx, time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("Sweep of what is an hour old = %d, %v", n, err)
	}
	if n, err := s.Sweep(ctx, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v; want 1", n, err)
	}
	if _, err := st.Commit(ctx, bonded.DigestOf(nil)); err == nil {
		t.Error("Commit of a swept upload succeeded")
	}
	wantKeys(t, s, "", []string{}...)
	wantNoLeftovers(t, s)
}
