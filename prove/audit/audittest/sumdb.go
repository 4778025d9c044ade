package audittest

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"bonded.dev/prove/audit"
)

// SumDB is a checksum database that a test makes up.
type SumDB struct {
	Key    string // verifier key
	name   string
	server http.Handler
}

// NewSumDB makes one over modules' zip files, by "PATH@VERSION".
func NewSumDB(t *testing.T, files map[string][]byte) *SumDB {
	t.Helper()
	const name = "sumdb.example"
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	ops := sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
		b, ok := files[path+"@"+version]
		if !ok {
			return nil, fmt.Errorf("no module %s %s", path, version)
		}
		raw, err := hex.DecodeString(audit.ModuleSum(b))
		if err != nil {
			return nil, err
		}
		sum := "h1:" + base64.StdEncoding.EncodeToString(raw)
		return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, sum, path, version, sum), nil
	})
	return &SumDB{Key: public, name: name, server: sumdb.NewServer(ops)}
}

// Behind is a proxy that passes the database on and answers the rest from pages.
func (s *SumDB) Behind(pages Pages) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, ok := strings.CutPrefix(r.URL.Path, "/sumdb/"+s.name)
		switch {
		case ok && rest == "/supported":
		case ok:
			http.StripPrefix("/sumdb/"+s.name, s.server).ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}

// ModuleZip packs a module of one file.
func ModuleZip(t *testing.T, path, version, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(path + "@" + version + "/x.go")
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
