package audit

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/dirhash"

	"bonded.dev/prove/visit"
)

// Checksum asks the checksum database that the auditor named, through the
// repository, for a module's h1 digest (lower-case hex), as the go command does:
// the answer is proven under the database's own key. Without a database, or
// where the repository does not pass it on, it is [ErrNoProof].
func (v *Visit) Checksum(ctx context.Context, module, version string) (sum string, e Evidence, err error) {
	name, _, ok := strings.Cut(v.SumDB, "+")
	if !ok {
		return "", e, ErrNoProof
	}
	o := &sumOps{ctx: ctx, v: v, name: name}
	e.URL = v.Site.Root + "sumdb/" + name + "/supported"
	if r, err := v.Get(ctx, e.URL, ""); err != nil || !r.OK() {
		e.Saw = "the checksum database is not passed on"
		return "", e, errors.Join(err, ErrNoProof)
	}
	lines, err := sumdb.NewClient(o).Lookup(module, version)
	e.URL, e.Saw = v.Site.Root+"sumdb/"+name+"/lookup/...", "no good proof of "+module+" "+version
	switch {
	case ctx.Err() != nil:
		return "", e, ctx.Err()
	case o.failed != nil:
		return "", e, o.failed
	case o.alarm != "" || err != nil:
		return "", e, fmt.Errorf("%w: %s", ErrLog, visit.Plain(visit.Response{Body: []byte(o.alarm + fmt.Sprint(err))}))
	}
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != module || f[1] != version {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f[2], "h1:"))
		if err == nil {
			e.Saw = "a proven digest of " + module + " " + version
			return hex.EncodeToString(raw), e, nil
		}
	}
	return "", e, fmt.Errorf("%w: no digest of %s %s", ErrLog, module, version)
}

// sumOps lets package sumdb read through the repository. It keeps nothing: the
// visit does.
type sumOps struct {
	ctx  context.Context
	v    *Visit
	name string

	mu     sync.Mutex // package sumdb reads several tiles at once
	failed error      // an answer that never came
	alarm  string
}

func (o *sumOps) ReadRemote(path string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r, err := o.v.Get(o.ctx, o.v.Site.Root+"sumdb/"+o.name+path, "")
	if err != nil {
		o.failed = err
		return nil, err
	}
	if !r.OK() {
		return nil, fmt.Errorf("%s answers %d", path, r.Status)
	}
	return r.Body, nil
}

func (o *sumOps) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.v.SumDB), nil
	}
	return nil, nil // the visit remembers no tree
}

func (o *sumOps) SecurityError(msg string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alarm = msg + ": "
}

func (*sumOps) WriteConfig(string, []byte, []byte) error { return nil }
func (*sumOps) ReadCache(string) ([]byte, error)         { return nil, errors.New("nothing is kept") }
func (*sumOps) WriteCache(string, []byte)                {}
func (*sumOps) Log(string)                               {}

// ModuleSum is what go.sum has for a module's zip file, as lower-case hex; ""
// for what is none.
func ModuleSum(b []byte) string {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return ""
	}
	at, names := map[string]*zip.File{}, []string(nil)
	for _, f := range z.File {
		at[f.Name], names = f, append(names, f.Name)
	}
	h1, err := dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return at[name].Open() })
	if err != nil {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		return ""
	}
	return hex.EncodeToString(raw)
}
