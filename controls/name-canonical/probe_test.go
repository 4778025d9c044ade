package namecanonical_test

import (
	"testing"

	namecanonical "bonded.dev/controls/name-canonical"
	"bonded.dev/prove/audit"
	"bonded.dev/prove/audit/audittest"
	"bonded.dev/prove/visit"
)

func TestProbe(t *testing.T) {
	p := &visit.Package{Name: "foo-bar"}
	page := func(text string) audittest.Page { return audittest.Page{Body: text} }
	look := func(kind string, pages audittest.Pages, want audit.State, words ...string) {
		t.Helper()
		audittest.Look(t, namecanonical.Probe, audittest.Visit(t, kind, pages, p), want, words...)
	}
	look("pypi", audittest.Pages{"/foo-bar/": page("files"), "/foo_bar/": page("files")}, audit.Unknown, "4 other spellings")
	look("pypi", audittest.Pages{"/foo-bar/": page("Links for foo-bar"), "/foo_bar/": page("Links for foo_bar")}, audit.Unknown)
	look("pypi", audittest.Pages{"/foo-bar/": page("files"), "/foo_bar/": {Status: 301, Header: map[string]string{"Location": "/foo-bar/"}}}, audit.Unknown)
	look("pypi", audittest.Pages{"/foo-bar/": page("files"), "/foo.bar/": page("others")}, audit.NotHeld)
	look("npm", audittest.Pages{"/foo-bar": page("one"), "/FOO-BAR": page("two")}, audit.NotHeld)
	look("npm", audittest.Pages{"/foo-bar": page("one"), "/foo_bar": page("two")}, audit.Unknown)
	look("go", audittest.Pages{}, audit.Unknown)
	audittest.Look(t, namecanonical.Probe, audittest.Visit(t, "npm", audittest.Pages{}), audit.Unknown)
}
