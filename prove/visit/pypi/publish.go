package pypi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"

	"golang.org/x/crypto/blake2b"

	"bonded.dev/prove/visit"
)

// form is a multipart form in the order in which it is filled in.
type form struct {
	body bytes.Buffer
	w    *multipart.Writer
	err  error
}

func newForm() *form {
	f := &form{}
	f.w = multipart.NewWriter(&f.body)
	return f
}

// set leaves out what is empty, as twine does.
func (f *form) set(name string, values ...string) {
	for _, v := range values {
		if v != "" && f.err == nil {
			f.err = f.w.WriteField(name, v)
		}
	}
}

func (f *form) attach(name, file string, b []byte) {
	if f.err != nil {
		return
	}
	w, err := f.w.CreateFormFile(name, file)
	if f.err = err; err == nil {
		_, f.err = w.Write(b)
	}
}

func (f *form) send(ctx context.Context, s *visit.Site, as visit.Credential, url string) (visit.Answer, error) {
	if f.err == nil {
		f.err = f.w.Close()
	}
	if f.err != nil {
		return visit.Answer{}, fmt.Errorf("writing the form: %w", f.err)
	}
	return send(ctx, s, as.Basic(user), visit.Request{
		Method: "POST", URL: url, Header: map[string]string{"Content-Type": f.w.FormDataContentType()}, Body: f.body.Bytes(),
	})
}

// user is whose password a token is.
const user = "__token__"

func send(ctx context.Context, s *visit.Site, authorization string, r visit.Request) (visit.Answer, error) {
	if authorization != "" {
		r.Header["Authorization"] = authorization
	}
	r.NoRedirect = true // twine takes one for a wrong URL
	res, err := s.Web.Do(ctx, r)
	if err != nil {
		return visit.Answer{}, err
	}
	switch res.Status {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusPermanentRedirect:
		return visit.Answer{}, fmt.Errorf("%s %s: %d %s: %w", r.Method, r.URL, res.Status, res.Reason, visit.ErrNotSpoken)
	}
	return visit.Answer{Status: res.Status, Text: shown(res)}, nil
}

// shown is what twine prints: the reason phrase, in which Python repositories
// explain a refusal, and with --verbose the body, where others do.
func shown(r visit.Response) string {
	reason, body := r.Reason, visit.Plain(r)
	if r.OK() || reason == http.StatusText(r.Status) {
		return cmp.Or(body, reason)
	}
	if body == "" || strings.Contains(reason, body) {
		return reason
	}
	if strings.Contains(body, reason) {
		return body
	}
	return reason + ": " + body
}

// Publish sends what twine upload sends. The file's name is made from that of
// the upload; METADATA in it and the form around it say what they are told to.
func (Dialect) Publish(ctx context.Context, s *visit.Site, as visit.Credential, up visit.Upload) (visit.Answer, error) {
	if up.Tag != "" {
		return visit.Answer{}, fmt.Errorf("publishing under a tag: %w", visit.ErrNotSpoken)
	}
	b, err := build(up)
	if err != nil {
		return visit.Answer{}, fmt.Errorf("building %s %s: %w", up.Name, up.Version, err)
	}
	claimed := up.Inside
	if up.Claimed != nil {
		claimed = *up.Claimed
	}
	f := newForm()
	f.set(":action", "file_upload")
	f.set("protocol_version", "1")
	f.set("metadata_version", metadataVersion)
	f.set("name", cmp.Or(claimed.Name, up.Name))
	f.set("version", cmp.Or(claimed.Version, up.Version))
	f.set("filetype", b.filetype)
	f.set("pyversion", b.pyversion)
	f.set("summary", claimed.Description)
	f.set("requires_python", claimed.Requires)
	f.set("requires_dist", requirements(claimed)...)
	f.digests(b.bytes, up.Lie)
	f.attach("content", b.file, b.bytes)
	url, sure, err := uploadURL(ctx, s)
	if err != nil {
		return visit.Answer{}, err
	}
	a, err := f.send(ctx, s, as, url)
	if err == nil && a.Status == http.StatusNotFound && !sure {
		return a, fmt.Errorf("uploading to %s: %s: %w", url, a, visit.ErrNotSpoken)
	}
	return a, err
}

// digests states the digests of some bytes, or those of others.
func (f *form) digests(b []byte, lie bool) {
	if lie {
		b = append(bytes.Clone(b), "other bytes"...)
	}
	short, usual, long := md5.Sum(b), sha256.Sum256(b), blake2b.Sum256(b)
	f.set("md5_digest", hex.EncodeToString(short[:]))
	f.set("sha256_digest", hex.EncodeToString(usual[:]))
	f.set("blake2_256_digest", hex.EncodeToString(long[:]))
}

// uploadURL finds where a repository takes uploads. No standard tells: where
// only POST is allowed, beside the index; or else right above it, which is not
// sure before it was tried.
func uploadURL(ctx context.Context, s *visit.Site) (at string, sure bool, err error) {
	above := visit.Resolve(s.Root, "../")
	for _, beside := range []string{"upload/", "legacy/"} {
		r, err := s.Web.Do(ctx, visit.Request{Method: "GET", URL: above + beside, NoRedirect: true})
		if err != nil {
			return "", false, err
		}
		if r.Status == http.StatusMethodNotAllowed {
			return above + beside, true, nil
		}
	}
	return above, false, nil
}
