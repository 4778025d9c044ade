package audittest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Log is a public log that a test makes up, in the form that bonded serves.
type Log struct {
	t       *testing.T
	origin  string
	entries [][]byte
	hashes  []tlog.Hash
	signer  note.Signer
	key     string
	// Cosigners sign checkpoints too.
	Cosigners []note.Signer
}

// NewLog makes an empty one.
func NewLog(t *testing.T) *Log {
	t.Helper()
	const origin = "log.example/test"
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return &Log{t: t, origin: origin, signer: signer, key: public}
}

// Add appends an entry.
func (l *Log) Add(format string, args ...any) {
	l.t.Helper()
	entry := fmt.Appendf(nil, format, args...)
	more, err := tlog.StoredHashes(int64(len(l.entries)), entry, l)
	if err != nil {
		l.t.Fatal(err)
	}
	l.entries, l.hashes = append(l.entries, entry), append(l.hashes, more...)
}

// Release appends the entry of a file.
func (l *Log) Release(kind, name, version, file string, sha256 [32]byte) {
	l.t.Helper()
	l.Add("bonded-log/v1 release\ntime 2026-01-01T00:00:00Z\npkg %s/%s\nver %s\nfile %s\nsha256 %s\nsize 5\n",
		kind, name, version, file, base64.StdEncoding.EncodeToString(sha256[:]))
}

// ReadHashes makes a log the reader of its own hashes.
func (l *Log) ReadHashes(indexes []int64) (out []tlog.Hash, err error) {
	for _, i := range indexes {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

// Checkpoint is the signed head.
func (l *Log) Checkpoint() string {
	l.t.Helper()
	n := int64(len(l.entries))
	root, err := tlog.TreeHash(n, l)
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", l.origin, n, root)}, append([]note.Signer{l.signer}, l.Cosigners...)...)
	if err != nil {
		l.t.Fatal(err)
	}
	return string(signed)
}

// Pages are what is below /log/: checkpoint, key, tiles, bundles and proofs.
func (l *Log) Pages() Pages {
	l.t.Helper()
	const height = 8
	p := Pages{"/log/checkpoint": {Body: l.Checkpoint()}, "/log/key": {Body: l.key + "\n"}}
	n := int64(len(l.entries))
	for _, t := range tlog.NewTiles(height, 0, n) {
		data, err := tlog.ReadTileData(t, l)
		if err != nil {
			l.t.Fatal(err)
		}
		path := strings.Replace(t.Path(), fmt.Sprintf("tile/%d/", height), "/log/tile/", 1)
		p[path] = Page{Body: string(data)}
		if t.L > 0 {
			continue
		}
		var bundle []byte
		for _, entry := range l.entries[t.N<<height : t.N<<height+int64(t.W)] {
			bundle = append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
		}
		p[strings.Replace(path, "/tile/0/", "/tile/entries/", 1)] = Page{Body: string(bundle)}
	}
	return p
}

// With answers from these pages and, for the rest, from others; and proves what
// its entries say of files.
func (l *Log) With(others Pages) http.Handler {
	l.t.Helper()
	pages := l.Pages()
	for path, page := range others {
		pages[path] = page
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/log/prove" && pages["/log/prove"].Status == 0 {
			_, _ = w.Write(l.prove(r.URL.Query())) // an error means that the client has gone
			return
		}
		pages.ServeHTTP(w, r)
	})
}

func (l *Log) prove(q url.Values) []byte {
	type leaf struct {
		Index int64    `json:"index"`
		Entry []byte   `json:"entry"`
		Raw   [][]byte `json:"path"`
	}
	answer := map[string]any{"checkpoint": l.Checkpoint(), "records": []any{map[string]any{"chunks": l.chunks(q.Get("name"))}}}
	want := fmt.Sprintf("\npkg %s\nver %s\nfile %s\n", q.Get("name"), q.Get("version"), q.Get("file"))
	for i, entry := range l.entries {
		if !strings.Contains(string(entry), want) {
			continue
		}
		at := leaf{Index: int64(i), Entry: entry}
		path, err := tlog.ProveRecord(int64(len(l.entries)), at.Index, l)
		if err != nil {
			panic(err)
		}
		for _, h := range path {
			at.Raw = append(at.Raw, h[:])
		}
		answer["records"] = []any{map[string]any{"leaf": at}}
		break
	}
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return b
}

// chunks are the texts of a package's releases.
func (l *Log) chunks(pkg string) []string {
	text := ""
	for i, entry := range l.entries {
		var name, version, file string
		if _, err := fmt.Sscanf(string(entry), "bonded-log/v1 release\ntime 2026-01-01T00:00:00Z\npkg %s\nver %s\nfile %s\n", &name, &version, &file); err == nil && name == pkg {
			text += fmt.Sprintf("ver %s\nfile %d %s\n", version, i, file)
		}
	}
	return []string{text}
}
