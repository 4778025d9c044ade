package pypi

import (
	"errors"
	"strings"
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

func TestReply(t *testing.T) {
	e := Ecosystem{}
	r := e.Reply(ecosystem.Outcome{Ask: ecosystem.Ask{Op: opUpload}, Receipt: bonded.Receipt{Index: 7, Size: 9}})
	if r.Status != 200 || string(r.Body) != "uploaded: entry 7 of the log, under the checkpoint of size 9\n" {
		t.Errorf("%+v", r)
	}
	// 409 is what --skip-existing of twine knows.
	r = e.Reply(ecosystem.Outcome{Err: &bonded.Error{Kind: bonded.Conflict, Control: "immutable-versions", Public: "foo 1.0 is already published"}})
	if r.Status != 409 || r.Reason != "foo 1.0 is already published [immutable-versions]" || string(r.Body) != r.Reason+"\n" {
		t.Errorf("%+v", r)
	}
	r = e.Reply(ecosystem.Outcome{Err: &bonded.Error{Kind: bonded.Refused, Control: "x", Public: "no [x]"}})
	if r.Status != 403 || r.Reason != "no [x]" {
		t.Errorf("the control is named twice or not: %+v", r)
	}
	r = e.Reply(ecosystem.Outcome{Err: bonded.Errorf(bonded.Unauthorized, "log in")})
	if r.Status != 401 || !strings.HasPrefix(r.Header["WWW-Authenticate"], "Basic realm=") {
		t.Errorf("%+v", r)
	}
	r = e.Reply(ecosystem.Outcome{Ask: ecosystem.Ask{Op: opXMLRPC}})
	if r.Status != 200 || !strings.Contains(string(r.Body), "<fault>") {
		t.Errorf("%+v", r)
	}
	for op, form := range map[string]string{opWrongMethod: "", opNotAcceptable: ""} {
		if r := e.Reply(ecosystem.Outcome{Ask: ecosystem.Ask{Op: op, Form: form}}); r.Status != 405 && r.Status != 406 {
			t.Errorf("%s: %+v", op, r)
		}
	}
	if r := e.Reply(ecosystem.Outcome{Ask: ecosystem.Ask{Op: opWrongMethod, Form: "POST"}}); r.Status != 405 || r.Header["Allow"] != "POST" {
		t.Errorf("%+v", r)
	}
	if r := e.Reply(ecosystem.Outcome{Err: errors.New("secret")}); r.Status != 500 || strings.Contains(r.Reason, "secret") {
		t.Errorf("%+v", r)
	}
}

// TestReasonIsOneLine keeps hostile text from ending the status line.
func TestReasonIsOneLine(t *testing.T) {
	r := Ecosystem{}.Reply(ecosystem.Outcome{Err: bonded.Errorf(bonded.Invalid, "a\r\nSet-Cookie: x\x00 ü %s", strings.Repeat("x", 2000))})
	if strings.ContainsFunc(r.Reason, func(c rune) bool { return c < ' ' || c > '~' }) || len(r.Reason) > 600 || !strings.HasPrefix(r.Reason, "a  Set-Cookie: x  ? x") {
		t.Errorf("%q", r.Reason)
	}
}
