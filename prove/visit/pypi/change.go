package pypi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bonded.dev/prove/visit"
)

// Delete takes a release away, or all of them one by one, where the server has
// a way to.
func (d Dialect) Delete(ctx context.Context, s *visit.Site, as visit.Credential, name, version string) (visit.Answer, error) {
	remove, err := remover(ctx, s, as)
	if err != nil {
		return visit.Answer{}, err
	}
	if remove == nil {
		return visit.Answer{}, fmt.Errorf("deleting a release: %w", visit.ErrNotSpoken)
	}
	if version != "" {
		return remove(name, version)
	}
	p, err := d.Package(ctx, s, name)
	if err != nil {
		return visit.Answer{}, err
	}
	a := visit.Answer{Status: http.StatusNotFound, Text: "the index lists no release of " + name}
	for _, r := range p.Releases {
		if a, err = remove(name, r.Version); err != nil || !a.Taken() {
			return a, err
		}
	}
	return a, nil
}

// Yank yanks a release where the server has a way to.
func (Dialect) Yank(ctx context.Context, s *visit.Site, as visit.Credential, name, version string) (visit.Answer, error) {
	api, err := changesURL(ctx, s)
	if err != nil {
		return visit.Answer{}, err
	}
	if api == "" {
		return visit.Answer{}, fmt.Errorf("yanking a release: %w", visit.ErrNotSpoken)
	}
	return change(ctx, s, as, api, "yank", name, version)
}

// remover finds out how a server deletes one release; nil when it does not.
func remover(ctx context.Context, s *visit.Site, as visit.Credential) (func(name, version string) (visit.Answer, error), error) {
	above := visit.Resolve(s.Root, "../")
	if strings.HasSuffix(s.Root, "/+simple/") {
		return func(name, version string) (visit.Answer, error) {
			return send(ctx, s, as.Basic(user), visit.Request{
				Method: "DELETE", URL: above + normal(name) + "/" + url.PathEscape(version), Header: map[string]string{"Accept": "application/json"},
			})
		}, nil
	}
	api, err := changesURL(ctx, s)
	if err != nil {
		return nil, err
	}
	if api != "" {
		return func(name, version string) (visit.Answer, error) {
			return change(ctx, s, as, api, "delete", name, version)
		}, nil
	}
	front, err := s.Web.Get(ctx, above, "text/html")
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(front.Body), "pypiserver") {
		return nil, nil
	}
	return func(name, version string) (visit.Answer, error) {
		f := newForm()
		f.set(":action", "remove_pkg")
		f.set("name", escaped(name)) // it looks for how files are named
		f.set("version", version)
		return f.send(ctx, s, as, above)
	}, nil
}

// changesURL is where a repository takes changes that the dialect has no words
// for, if it describes such an API; "" when it does not.
func changesURL(ctx context.Context, s *visit.Site) (string, error) {
	for _, base := range []string{s.Base, visit.Resolve(s.Root, "../../")} {
		r, err := s.Web.Get(ctx, base+"api/v1/openapi.yaml", "application/yaml")
		if err != nil {
			return "", err
		}
		if text := string(r.Body); r.OK() && strings.HasPrefix(text, "openapi:") && strings.Contains(text, "\n  /api/v1/changes:") {
			return base + "api/v1/changes", nil
		}
	}
	return "", nil
}

func change(ctx context.Context, s *visit.Site, as visit.Credential, api, what, name, version string) (visit.Answer, error) {
	body, err := json.Marshal(map[string]string{
		"package": "pypi/" + normal(name), "change": what, "version": version, "reason": "do not use this version",
	})
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing a change: %w", err)
	}
	return send(ctx, s, as.Bearer(), visit.Request{
		Method: "POST", URL: api, Header: map[string]string{"Content-Type": "application/json"}, Body: body,
	})
}
