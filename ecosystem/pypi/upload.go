package pypi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// form is an upload as the client describes it: multipart/form-data (RFC 7578)
// with the fields of the legacy upload API. Only what is compared is kept.
type form struct {
	file   string      // name of the part "content"
	kept   bonded.Kept // its bytes
	fields map[string][]string
	spent  int64 // bytes of all fields
	held   int   // bytes of those that are kept
}

// compared are the fields that are remembered; of all others the bytes are
// counted and dropped. requires_dist may come many times.
var compared = map[string]bool{
	":action": true, "protocol_version": true, "filetype": true, "name": true, "version": true,
	"requires_python": true, "requires_dist": true,
	"md5_digest": true, "sha256_digest": true, "blake2_256_digest": true,
}

// get returns the only value of a field, "" when it is absent.
func (f *form) get(name string) string {
	if v := f.fields[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// readForm streams the form. Fields may stand before and after the file:
// requests sorts them first, curl keeps the order of the command line.
func readForm(contentType string, up ecosystem.Upload) (*form, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, bonded.Errorf(bonded.Invalid, "an upload is a form of type multipart/form-data, as twine sends it")
	}
	body := &watched{r: up.Body, last: "--" + params["boundary"] + "--"}
	parts := multipart.NewReader(body, params["boundary"])
	f := &form{fields: map[string][]string{}}
	for {
		// Not NextPart: it undoes quoted-printable, which no client means.
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			err = body.ended()
			if err == nil {
				return f, f.complete()
			}
		}
		if err != nil {
			return nil, brokenForm(err)
		}
		if err := f.take(part, body, up); err != nil {
			return nil, err
		}
	}
}

func (f *form) take(part *multipart.Part, body *watched, up ecosystem.Upload) error {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil || params["name"] == "" {
		return bonded.Errorf(bonded.Invalid, "a part of the upload form has no name")
	}
	if params["name"] == "content" {
		if f.kept.ID != "" {
			return bonded.Errorf(bonded.Invalid, "the upload form carries two files; send one form for each")
		}
		f.file = params["filename"]
		f.kept, err = up.Keep(part, largestFile)
		// A store that fails and a client that breaks off both end here, and only
		// the second is the client's business.
		if err != nil && body.err != nil {
			return brokenForm(err)
		}
		return err
	}
	return f.field(params["name"], part)
}

// What is kept of the fields that are compared, bytes. All of them together
// may take what the extract of a file may take.
const (
	largestField = 64 << 10
	largestHeld  = largestExtract
)

func (f *form) field(name string, part io.Reader) error {
	var value strings.Builder
	keep, most := io.Discard, largestForm-f.spent
	if compared[name] {
		keep, most = &value, min(most, largestField)
	}
	n, err := io.Copy(keep, io.LimitReader(part, most+1))
	if err != nil {
		return brokenForm(err)
	}
	// A field costs more than its bytes: empty ones must not be free.
	if f.spent += n + 1024; f.spent > largestForm {
		return bonded.Errorf(bonded.TooLarge, "the fields of the upload form are larger than %d MB together", largestForm>>20)
	}
	if !compared[name] {
		return nil
	}
	if value.Len() > largestField {
		return bonded.Errorf(bonded.TooLarge, "the field %s of the upload form is larger than %d kB", name, largestField>>10)
	}
	if name != "requires_dist" && len(f.fields[name]) > 0 {
		return bonded.Errorf(bonded.Invalid, "the upload form holds the field %s twice", name)
	}
	if f.held += value.Len() + 32; f.held > largestHeld {
		return bonded.Errorf(bonded.TooLarge, "the fields of the upload form that describe the file are larger than %d MB together", largestHeld>>20)
	}
	f.fields[name] = append(f.fields[name], value.String())
	return nil
}

// complete wants what makes the form an upload that we take.
func (f *form) complete() error {
	switch action := f.get(":action"); {
	case action == "submit" || action == "submit_pkg_info" || action == "verify":
		return bonded.Errorf(bonded.Unsupported, "projects are not registered beforehand; upload the files, and the first one takes the name")
	case action != "file_upload":
		return bonded.Errorf(bonded.Unsupported, "the upload form asks for the action \"%s\"; this repository knows file_upload", show(action))
	case f.get("protocol_version") != "" && f.get("protocol_version") != "1":
		return bonded.Errorf(bonded.Unsupported, "the upload form speaks protocol_version \"%s\"; this repository speaks 1", show(f.get("protocol_version")))
	case f.kept.ID == "":
		return bonded.Errorf(bonded.Invalid, "the upload form carries no file in the field content")
	}
	switch kind := f.get("filetype"); kind {
	case "", wheelType, sdistType:
		return nil
	default:
		return bonded.Errorf(bonded.Unsupported, "files of type \"%s\" are not taken; build a wheel or a source distribution", show(kind))
	}
}

// watched remembers whether reading the request failed, and how it ended.
type watched struct {
	r    io.Reader
	err  error
	last string // boundary that ends the form
	tail []byte
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	if err != nil {
		w.err = err
	}
	const longest = 128 // a boundary has 70 characters (RFC 2046 section 5.1.1)
	w.tail = append(w.tail, b[max(0, n-longest):n]...)
	w.tail = w.tail[max(0, len(w.tail)-longest):]
	return n, err
}

// ended tells the end of the form from the end of a connection: the multipart
// reader reports both alike when the latter cuts the header of a part.
func (w *watched) ended() error {
	if _, err := io.CopyN(io.Discard, w, 1024); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !strings.HasSuffix(strings.TrimRight(string(w.tail), "\r\n"), w.last) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func brokenForm(err error) error {
	var known *bonded.Error
	if errors.As(err, &known) {
		return err
	}
	return &bonded.Error{Kind: bonded.Invalid, Err: err,
		Public: "the upload form cannot be read to its end; nothing was changed; upload again"}
}
