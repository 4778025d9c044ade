package ecosystemtest

import (
	"testing"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// FuzzAsk fuzzes methods, paths, queries and an Accept header. Whatever comes,
// Ask neither panics nor hands out a path that the blob store would not take,
// and Reply has an answer.
func FuzzAsk(f *testing.F, eco ecosystem.Ecosystem, s Suite) {
	seed := func(r Request) { f.Add(r.Method, r.URL, r.Header["Accept"]) }
	for _, r := range s.Uploads {
		seed(r)
	}
	for _, r := range append(s.Changes, s.Asks...) {
		seed(r)
	}
	for _, b := range s.Bad {
		seed(b.Request)
	}
	for _, url := range []string{"", "/", "..", "a/../b", "%2e%2e/x", "%00", "%", "a//b", "-/", "@/", "@a", "a%2fb", "a%2Fb%2fc", "simple/%C0%AF/"} {
		f.Add("GET", url, "")
	}
	f.Fuzz(func(t *testing.T, method, url, accept string) {
		a, err := ask(eco, Request{Method: method, URL: url, Header: map[string]string{"Accept": accept}})
		if err != nil {
			if kind, _, public := bonded.Explain(err); kind == bonded.Internal || public == "" {
				t.Errorf("%s %q: %v is nothing a client can read", method, url, err)
			}
			checkBody(t, eco.Reply(ecosystem.Outcome{Ask: a, Err: err}), url)
			return
		}
		if a.Verb == ecosystem.Fetch && a.Redirect == "" {
			if err := checkKey(a.Path); err != nil {
				t.Errorf("%s %q: path %q: %v", method, url, a.Path, err)
			}
		}
		if !a.Name.IsZero() {
			if n, err := eco.Name(a.Name.Key); err != nil || !n.Same(a.Name) {
				t.Errorf("%s %q: name %q is not canonical: %v", method, url, a.Name.Key, err)
			}
		}
	})
}

// FuzzDraft fuzzes bodies. Whatever comes, Draft does not panic, and what it
// drafts can be logged, folded and rendered.
func FuzzDraft(f *testing.F, eco ecosystem.Ecosystem, s Suite) {
	requests := append(append([]Request(nil), s.Uploads...), s.Changes...)
	for i, r := range requests {
		requests[i] = NewDesk(f, eco).made(r)
	}
	for i, r := range requests {
		f.Add(i, r.Body)
	}
	for _, l := range s.Lies {
		if len(l.Body) < 16<<10 { // a fuzzer mutates small seeds best
			f.Add(0, l.Body)
		}
	}
	f.Fuzz(func(t *testing.T, which int, body []byte) {
		r := requests[(which%len(requests)+len(requests))%len(requests)]
		r.Body = body
		d := NewDesk(t, eco)
		if _, draft, err := d.Draft(s.Uploads[0]); err != nil {
			t.Fatal(err)
		} else if d.Admit(t, draft); r.Case == "" {
			r.Case = "fuzzed"
		}
		_, draft, err := d.Draft(r)
		if err != nil || len(draft.Anomalies) > 0 {
			return // a control would stop it
		}
		d.Admit(t, draft)
		shelf{}.put(t, d, partStore{}, d.Package(draft.Name), 0)
	})
}

// FuzzDocuments fuzzes the documents that entries refer to. Whoever checks a
// repository from outside reads them from it: whatever they hold, Render ends
// with an error or with documents.
func FuzzDocuments(f *testing.F, eco ecosystem.Ecosystem, s Suite) {
	d := NewDesk(f, eco)
	var last bonded.Name
	for _, r := range s.Uploads {
		_, draft, err := d.Draft(r)
		if err != nil {
			f.Fatal(err)
		}
		d.Admit(f, draft)
		last = draft.Name
		for _, doc := range draft.Docs {
			if len(doc) < 16<<10 {
				f.Add(doc)
			}
		}
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		docs, err := eco.Render(d.Package(last), d.House, always(doc), 0)
		if err != nil {
			return
		}
		for _, made := range docs {
			for _, part := range made.Parts {
				if _, err := part.Bytes(); err != nil {
					return
				}
			}
		}
	})
}

// always is every document.
type always []byte

func (a always) Doc(bonded.Digest) ([]byte, error) { return a, nil }
