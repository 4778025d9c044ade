// Package knownvulnerabledependency asks whether a repository calls something
// clean that nobody looked at.
package knownvulnerabledependency

import (
	"bytes"
	"context"
	"fmt"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat.
var Attacks = []drill.Attack{
	{Name: "an audit of what nobody has looked at", Kinds: []string{"npm"}, Play: audit},
}

// audit asks what npm audit asks. An empty report says: nothing is known
// against it. About a package that is a minute old and known here alone, nobody
// can say that.
func audit(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	name := s.Name("audited")
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0"}); err != nil {
		return drill.Result{}, err
	}
	body := fmt.Appendf(nil, `{%q:["1.0.0"]}`, name)
	res, err := s.Site.Web.Do(ctx, visit.Request{Method: "POST", URL: s.Site.Root + "-/npm/v1/security/advisories/bulk", Body: body,
		Header: map[string]string{"Content-Type": "application/json", "Accept": "application/json"}})
	if err != nil {
		return drill.Result{}, err
	}
	if res.OK() && empty(res.Body) {
		return drill.Harmed("npm audit prints that it found no vulnerabilities in %s, of which nobody knows anything", name)
	}
	if res.OK() {
		return drill.Result{}, fmt.Errorf("the audit answered %.80q, which is neither empty nor a refusal", res.Body)
	}
	return drill.Stopped("%d: %s", res.Status, visit.Plain(res))
}

func empty(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) == 0 || bytes.Equal(body, []byte("{}")) || bytes.Equal(body, []byte("[]"))
}
