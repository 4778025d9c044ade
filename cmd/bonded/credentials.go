package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// credentials are the tokens that bonded login got, by the URL of the repository,
// with trailing slash. They lie in a file of the user's alone; other clients keep
// their own.
type credentials map[string]credential

type credential struct {
	Token   string    `json:"token"`
	User    string    `json:"user"`
	Scopes  []string  `json:"scopes"`
	Expires time.Time `json:"expires"`
}

func credentialsFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("looking for the folder of your settings: %w", err)
	}
	return filepath.Join(dir, "bonded", "credentials.json"), nil
}

func readCredentials() (credentials, error) {
	file, err := credentialsFile()
	if err != nil {
		return nil, err
	}
	list := credentials{}
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("reading your tokens in %s: %w", file, err)
	}
	return list, nil
}

// write replaces the file, so that nobody reads half of it. Two that write in the
// same moment: the later one wins.
func (list credentials) write() error {
	file, err := credentialsFile()
	if err != nil {
		return err
	}
	b, err := json.Marshal(list, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("keeping the token: %w", err)
	}
	// CreateTemp makes files that nobody else can read.
	tmp, err := os.CreateTemp(filepath.Dir(file), ".credentials-")
	if err != nil {
		return fmt.Errorf("keeping the token: %w", err)
	}
	_, err = tmp.Write(append(b, '\n'))
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keeping the token: %w", err), os.Remove(tmp.Name()))
	}
	return nil
}

// of finds the token for a repository; without a URL, the only one that there is.
func (list credentials) of(base string) (at string, c credential, err error) {
	switch {
	case base != "":
		if base, err = repositoryURL(base); err != nil {
			return "", c, err
		}
		c, ok := list[base]
		if !ok {
			return base, c, usagef("you are not logged in to %s; log in with: bonded login %s", base, base)
		}
		return base, c, nil
	case len(list) == 0:
		return "", c, usagef("you are not logged in anywhere; log in with: bonded login URL")
	case len(list) > 1:
		return "", c, usagef("you are logged in to several repositories; name one: %s", strings.Join(slices.Sorted(maps.Keys(list)), " "))
	}
	at = slices.Collect(maps.Keys(list))[0]
	return at, list[at], nil
}

// storedToken is the token for a repository that bonded login left here.
func storedToken(base string) (string, error) {
	list, err := readCredentials()
	if err != nil {
		return "", err
	}
	_, c, err := list.of(base)
	return c.Token, err
}

// repositoryURL is the URL of a repository with trailing slash. A token goes over
// nothing but TLS, or stays on this machine.
func repositoryURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return "", usagef("%q is no URL of a repository, such as https://packages.example.org/", text)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", usagef("%s has no TLS, so that everybody on the way could read the token; use https", text)
	}
	u.RawQuery, u.Fragment, u.Host = "", "", strings.ToLower(u.Host)
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// own asks a repository about the token of the request: method GET for what it
// is, DELETE to end it.
func own(ctx context.Context, method, base, token string) (t ownToken, status int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, base+"api/v1/token", nil)
	if err != nil {
		return t, 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := client().Do(req)
	if err != nil {
		return t, 0, fmt.Errorf("asking the repository: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode != http.StatusNoContent {
		err = json.Unmarshal(b, &t)
	}
	if err != nil {
		return t, res.StatusCode, fmt.Errorf("reading the answer (%s): %w", res.Status, err)
	}
	return t, res.StatusCode, nil
}

// ownToken is what a repository says of a token.
type ownToken struct {
	User    string    `json:"user"`
	ID      string    `json:"id"`
	Label   string    `json:"label"`
	Scopes  []string  `json:"scopes"`
	Created time.Time `json:"created,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	Error   string    `json:"error"`
}

// client says who asks and follows no redirect: what it sends is for one host.
func client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: named{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type named struct{}

func (named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "bonded/"+version()+" ("+runtime.GOOS+")")
	return http.DefaultTransport.RoundTrip(r)
}
