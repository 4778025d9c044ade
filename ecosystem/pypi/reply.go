package pypi

import (
	"fmt"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"

	"github.com/go-json-experiment/json"
)

// Reply answers in plain text and, for whoever shows that instead, in the
// reason phrase.
//
// What clients print, read from their sources: twine 7 prints of an error the
// status, its standard phrase, and then the reason phrase of the status line;
// the body only with --verbose. Of a success, and so of a release that waits for
// approval (202), twine prints status, reason phrase and body with --verbose and
// nothing without. An error status would be seen, and would fail a build that
// did all it could. pip prints status, reason phrase and URL, never
// the body. uv prints the body of text/plain, and for 405 asks whether the
// index was taken for the upload URL. twine repeats an upload after 5xx, five
// times. Its --skip-existing would pass over a 409, but twine 7 takes the option
// for two hosts only; uv publish --check-url works with any index.
func (Ecosystem) Reply(o ecosystem.Outcome) ecosystem.Response {
	switch {
	case o.Ask.Op == opAudience || o.Ask.Op == opMint:
		return replyTrusted(o)
	case o.Err != nil:
		return refusal(o.Err)
	case o.Receipt.Staged != "":
		return plain(202, o.Staged())
	case o.Ask.Op == opUpload:
		return plain(200, fmt.Sprintf("uploaded: entry %d of the log, under the checkpoint of size %d", o.Receipt.Index, o.Receipt.Size))
	case o.Ask.Op == opXMLRPC:
		return ecosystem.Response{Status: 200, Type: "text/xml; charset=utf-8", Body: []byte(fault)}
	case o.Ask.Op == opNotAcceptable:
		return plain(406, "the simple API is served as "+typeJSON+" and as "+typeHTML+"; the request takes neither")
	case o.Ask.Op == opWrongMethod && o.Ask.Form == "POST":
		r := plain(405, "uploads are sent here with POST, by twine or uv; packages are read from ../simple/")
		r.Header = map[string]string{"Allow": "POST"}
		return r
	case o.Ask.Op == opWrongMethod:
		r := plain(405, "this is for reading; packages are uploaded to /pypi/upload/")
		r.Header = map[string]string{"Allow": "GET, HEAD"}
		return r
	}
	return plain(200, "ok")
}

// fault is what "pip search" prints (XML-RPC, "Fault example"; -32601 is the
// usual code for a method that is not there).
const fault = `<?xml version="1.0"?>
<methodResponse><fault><value><struct>
<member><name>faultCode</name><value><int>-32601</int></value></member>
<member><name>faultString</name><value><string>this repository has no search for pip; look in a browser, or ask "pip index versions NAME"</string></value></member>
</struct></value></fault></methodResponse>
`

// replyTrusted answers in JSON. Of an error all clients print code and
// description of each member of "errors".
func replyTrusted(o ecosystem.Outcome) ecosystem.Response {
	status, body := 200, map[string]any{"success": true, "token": o.Token, "expires": o.Ends.Unix()}
	if o.Ask.Op == opAudience {
		body = map[string]any{"audience": o.Audience}
	}
	if o.Err != nil {
		kind, control, text := bonded.Explain(o.Err)
		status = ecosystem.StatusOf(kind)
		code := "refused"
		if control != "" {
			code = control
		}
		body = map[string]any{"message": text, "errors": []map[string]string{{"code": code, "description": text}}}
	}
	b, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		panic(err) // texts, a number and a truth value
	}
	return ecosystem.Response{Status: status, Type: "application/json", Body: append(b, '\n')}
}

func refusal(err error) ecosystem.Response {
	kind, control, text := bonded.Explain(err)
	if control != "" && !strings.Contains(text, control) {
		text += " [" + control + "]"
	}
	r := plain(ecosystem.StatusOf(kind), text)
	if kind == bonded.Unauthorized {
		r.Header = map[string]string{"WWW-Authenticate": `Basic realm="bonded", charset="UTF-8"`}
	}
	return r
}

func plain(status int, text string) ecosystem.Response {
	return ecosystem.Response{
		Status: status, Type: "text/plain; charset=utf-8", Body: []byte(text + "\n"), Reason: reason(text),
	}
}

// reason makes text fit for a status line (RFC 9112 section 4): one line of
// ASCII, and short enough for every client's buffer.
func reason(text string) string {
	const longest = 500
	text = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		if r > '~' {
			return '?'
		}
		return r
	}, text)
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return text
}
