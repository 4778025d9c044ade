package drill

import (
	"context"
	"encoding/json"

	"bonded.dev/prove/visit"
)

// Report tells the repository of a token that somebody found, as a scanner of
// public places does; it needs no account.
func (s *Scene) Report(ctx context.Context, found visit.Credential, where string) (visit.Answer, error) {
	body, err := json.Marshal(map[string]string{"token": string(found), "url": where})
	if err != nil {
		return visit.Answer{}, err
	}
	res, err := s.Site.Web.Do(ctx, visit.Request{Method: "POST", URL: s.Site.Base + "api/v1/leaks", Body: body, Busy: true,
		Header: map[string]string{"Content-Type": "application/json"}})
	if err != nil {
		return visit.Answer{}, err
	}
	a := visit.Answer{Status: res.Status, Text: visit.Plain(res)}
	if !a.Taken() {
		return a, Needs("a repository that takes reports of leaked tokens at api/v1/leaks")
	}
	return a, nil
}
