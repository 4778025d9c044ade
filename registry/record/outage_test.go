package record

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bonded.dev"
	"bonded.dev/internal/testenv"
)

func postgres(t *testing.T) string {
	t.Helper()
	return testenv.Postgres(t)
}

// wire stands between a book and its server, and breaks when told to.
type wire struct {
	listener net.Listener
	server   string
	mute     atomic.Bool // the answer to the next COMMIT is lost
	mu       sync.Mutex
	conns    []net.Conn
}

// between returns an address of the database that leads over the wire.
func between(t *testing.T, dsn string) (*wire, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, server: u.Host}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	t.Cleanup(func() { l.Close(); w.cut() })
	u.Host = l.Addr().String()
	return w, u.String()
}

func (w *wire) carry(client net.Conn) {
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		client.Close()
		return
	}
	w.mu.Lock()
	w.conns = append(w.conns, client, server)
	w.mu.Unlock()
	var lost atomic.Bool
	go copyUntil(server, client, func(b []byte) bool {
		if bytes.Contains(b, []byte("commit")) && w.mute.CompareAndSwap(true, false) {
			lost.Store(true)
		}
		return true
	})
	copyUntil(client, server, func([]byte) bool { return !lost.Load() })
}

// copyUntil forwards what pass lets through and then ends both sides.
func copyUntil(to, from net.Conn, pass func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil || !pass(buf[:n]) {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func TestLostConnectionIsUnavailableAndComesBack(t *testing.T) {
	w, dsn := between(t, postgres(t))
	b := openBook(t, dsn)
	err := b.Update(t.Context(), func(tx *Tx) error {
		if err := errors.Join(tx.SetMark("m", 1), tx.Flush()); err != nil {
			return err
		}
		w.cut()
		_, err := tx.Head()
		return err
	})
	wantKind(t, err, bonded.Unavailable)
	if UnknownOutcome(err) {
		t.Error("a transaction that never tried to commit has a known outcome")
	}
	w.cut()
	view(t, b, func(tx *Tx) error {
		m, err := tx.Mark("m")
		if m != 0 {
			t.Error("half a transaction was kept")
		}
		return err
	})
	if err := b.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLostAnswerToCommitIsSaid: the change is there, and nobody claims that
// nothing was changed.
func TestLostAnswerToCommitIsSaid(t *testing.T) {
	w, dsn := between(t, postgres(t))
	b := openBook(t, dsn)
	runs := 0
	err := b.Update(t.Context(), func(tx *Tx) error {
		runs++
		w.mute.Store(true)
		return tx.SetMark("m", 1)
	})
	wantKind(t, err, bonded.Unavailable)
	if !UnknownOutcome(err) || runs != 1 {
		t.Errorf("after %d runs: %v", runs, err)
	}
	if _, _, text := bonded.Explain(err); !strings.Contains(text, "look whether the change is there") {
		t.Errorf("the text is %q", text)
	}
	view(t, b, func(tx *Tx) error {
		m, err := tx.Mark("m")
		if m != 1 {
			t.Error("the wire lost more than the answer; the test shows nothing")
		}
		return err
	})
}

func TestNoServerIsUnavailable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for what, l := range map[string]net.Listener{"closed": closed, "silent": silent} {
		t.Run(what, func(t *testing.T) {
			_, err := Open(t.Context(), "postgres://bonded:hush@"+l.Addr().String()+"/x?sslmode=disable&connect_timeout=1")
			wantKind(t, err, bonded.Unavailable)
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

// TestServerGoneAfterOpen: every kind of call says Unavailable, and soon.
func TestServerGoneAfterOpen(t *testing.T) {
	w, dsn := between(t, postgres(t))
	b := openBook(t, dsn)
	w.listener.Close()
	w.cut()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, lock := b.Lock(ctx)
	_, search := func() (int, error) { _, n, err := b.Search(ctx, "npm", "x", 0, 1); return n, err }()
	_, _, standing := b.Standing(ctx, npm("x"), "alice")
	_, token := b.TokenByHash(ctx, bonded.Digest{})
	for what, err := range map[string]error{
		"update": b.Update(ctx, func(*Tx) error { return nil }), "view": b.View(ctx, func(*Tx) error { return nil }),
		"check": b.Check(ctx), "lock": lock, "search": search, "standing": standing, "token": token,
		"downloads": b.AddDownloads(ctx, []Download{{Name: npm("x"), Version: "1", Count: 1}}),
	} {
		t.Run(what, func(t *testing.T) { wantKind(t, err, bonded.Unavailable) })
	}
	if ctx.Err() != nil {
		t.Error("the calls waited until they were told to stop")
	}
}

func TestReadersGoOnBesideTheWriter(t *testing.T) {
	withBook(t, func(t *testing.T, b *Book) {
		update(t, b, func(tx *Tx) error {
			if err := errors.Join(tx.SetMark("m", 1), tx.Flush()); err != nil {
				return err
			}
			// A transaction is open for writing; nobody may have to wait for it.
			if err := b.Check(t.Context()); err != nil {
				t.Error(err)
			}
			view(t, b, func(tx *Tx) error {
				m, err := tx.Mark("m")
				if m != 0 {
					t.Error("a reader sees what is not committed")
				}
				return err
			})
			return nil
		})
	})
}

// TestSecondWriterWaitsForTheFile: another process that holds a SQLite write
// for long is Unavailable, not an error of our own.
func TestSecondWriterGetsUnavailable(t *testing.T) {
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "bonded.db")
	one, other := openBook(t, dsn), openBook(t, dsn)
	if _, err := other.write.ExecContext(t.Context(), "PRAGMA busy_timeout = 10"); err != nil {
		t.Fatal(err)
	}
	update(t, one, func(*Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		wantKind(t, other.Update(ctx, func(tx *Tx) error { return tx.SetMark("m", 1) }), bonded.Unavailable)
		return nil
	})
}
