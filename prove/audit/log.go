package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev/prove/visit"
)

// Log is a public log in the form of C2SP tlog-tiles, as a stranger found it.
type Log struct {
	URL    string // of the checkpoint
	Origin string
	Size   int64
	Root   tlog.Hash
	// Signed says that the checkpoint's own signature is good under Key, which
	// is the repository's word: a stranger has no better one.
	Signed bool
	Key    string
	// Others are the names of those who signed too, and which of them said when.
	Others []Cosigner
	// Note is the checkpoint as it was served.
	Note []byte
	// Tail are the last entries, as many as one bundle holds.
	Tail [][]byte

	v *Visit
}

// Cosigner is a further signature under a checkpoint.
type Cosigner struct {
	Name string
	// Timed: it has the length of one that says when (C2SP tlog-cosignature).
	Timed bool
}

// ErrLog says that what stands where a log belongs is none, or contradicts
// itself.
var ErrLog = errors.New("the log does not hold together")

// Log looks for a log at the usual places and checks what it says of itself:
// the signature, the path from the last entry to the root, and its bundle. nil
// when there is none; an error that wraps [ErrLog] when it is wrong.
func (v *Visit) Log(ctx context.Context) (*Log, error) {
	if v.log == nil {
		l, err := v.findLog(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v.log = &remembered[*Log]{l, err}
	}
	return v.log.value, v.log.err
}

// LogPlaces are where a log is looked for, relative to the repository's URL.
func LogPlaces() []string { return []string{"log/checkpoint", "checkpoint"} }

func (v *Visit) findLog(ctx context.Context) (*Log, error) {
	for _, place := range LogPlaces() {
		r, err := v.Get(ctx, place, "")
		if err != nil {
			return nil, err
		}
		l, ok := parseCheckpoint(r)
		if !ok {
			continue
		}
		l.v = v
		if err := l.signature(ctx); err != nil {
			return l, err
		}
		return l, l.tiles(ctx)
	}
	return nil, nil
}

// parseCheckpoint reads origin, size and root (C2SP tlog-checkpoint), and who
// signed.
func parseCheckpoint(r visit.Response) (*Log, bool) {
	text, signatures, ok := strings.Cut(string(r.Body), "\n\n")
	lines := strings.Split(text, "\n")
	if !r.OK() || !ok || len(lines) < 3 || lines[0] == "" {
		return nil, false
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := tlog.ParseHash(lines[2])
	if err != nil || err2 != nil || size < 0 {
		return nil, false
	}
	l := &Log{URL: r.URL, Origin: lines[0], Size: size, Root: root, Note: r.Body}
	for line := range strings.Lines(signatures) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "—" {
			return nil, false
		}
		b, err := base64.StdEncoding.DecodeString(f[2])
		if err != nil {
			return nil, false
		}
		if f[1] != l.Origin {
			const keyHash, moment, ed25519 = 4, 8, 64
			l.Others = append(l.Others, Cosigner{f[1], len(b) == keyHash+moment+ed25519})
		}
	}
	return l, true
}

// signature checks the checkpoint with the key that the repository tells.
func (l *Log) signature(ctx context.Context) error {
	r, err := l.v.Get(ctx, visit.Resolve(l.URL, "key"), "")
	if err != nil || !r.OK() {
		return err
	}
	key := strings.TrimSpace(string(r.Body))
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil // whatever stands there, it is no key
	}
	l.Key = key
	if _, err := note.Open(l.Note, note.VerifierList(verifier)); err != nil {
		return fmt.Errorf("%w: the checkpoint is not signed with the key that the repository tells", ErrLog)
	}
	l.Signed = true
	return nil
}

// height of a tile: C2SP tlog-tiles has 256 hashes in each.
const height = 8

// tiles proves the last entry: its bytes, its hash, the path to the root.
func (l *Log) tiles(ctx context.Context) error {
	if l.Size == 0 {
		return nil
	}
	reader := tlog.TileHashReader(tlog.Tree{N: l.Size, Hash: l.Root}, &tiles{ctx: ctx, l: l})
	last := l.Size - 1
	hashes, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, last)})
	if err != nil {
		return l.wrong(ctx, err)
	}
	first := last - last%(1<<height)
	path := tilePath("entries", last>>height, int(last-first)+1)
	r, err := l.v.Get(ctx, visit.Resolve(l.URL, path), "")
	if err != nil {
		return err
	}
	if !r.OK() {
		return fmt.Errorf("%w: %s answers %d", ErrLog, path, r.Status)
	}
	l.Tail = entriesIn(r.Body)
	if len(l.Tail) != int(last-first)+1 || tlog.RecordHash(l.Tail[len(l.Tail)-1]) != hashes[0] {
		return fmt.Errorf("%w: the last entry is not the one under the root", ErrLog)
	}
	return nil
}

// wrong tells tiles that lie from tiles that could not be had.
func (l *Log) wrong(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, visit.ErrEnough) || errors.Is(err, errUnread) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrLog, err)
}

// entriesIn reads a bundle: each entry after its length, 16 bits.
func entriesIn(b []byte) (list [][]byte) {
	for len(b) >= 2 {
		n := int(binary.BigEndian.Uint16(b))
		if len(b) < 2+n {
			return nil
		}
		list = append(list, b[2:2+n])
		b = b[2+n:]
	}
	if len(b) > 0 {
		return nil
	}
	return list
}

// Covers reports whether a proof leads from an entry to a checkpoint that this
// log signed.
func (l *Log) Covers(checkpoint []byte, index int64, entry []byte, path tlog.RecordProof) error {
	if !l.Signed {
		return fmt.Errorf("%w: without a key no proof can be checked", ErrLog)
	}
	at, ok := parseCheckpoint(visit.Response{Status: 200, Body: checkpoint})
	verifier, err := note.NewVerifier(l.Key)
	if err != nil || !ok || at.Origin != l.Origin {
		return fmt.Errorf("%w: the proof is of another log", ErrLog)
	}
	if _, err := note.Open(checkpoint, note.VerifierList(verifier)); err != nil {
		return fmt.Errorf("%w: the checkpoint of the proof is not signed", ErrLog)
	}
	if at.Size == l.Size && at.Root != l.Root {
		return fmt.Errorf("%w: two checkpoints of one size have two roots", ErrLog)
	}
	if err := tlog.CheckRecord(path, at.Size, at.Root, index, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("%w: the proof does not lead to the root", ErrLog)
	}
	return nil
}

// tiles fetches tiles for package tlog, which checks them.
type tiles struct {
	ctx context.Context
	l   *Log
}

var errUnread = errors.New("reading a tile")

func (t *tiles) Height() int { return height }

func (t *tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range list {
		path := tilePath(strconv.Itoa(tile.L), tile.N, tile.W)
		r, err := t.l.v.Get(t.ctx, visit.Resolve(t.l.URL, path), "")
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnread, err)
		}
		if !r.OK() {
			return nil, fmt.Errorf("%s answers %d", path, r.Status)
		}
		out = append(out, bytes.Clone(r.Body))
	}
	return out, nil
}

func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// tilePath is where a tile stands below the log.
func tilePath(level string, n int64, width int) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	if width < 1<<height {
		text += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + text
}
