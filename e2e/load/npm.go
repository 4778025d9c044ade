//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
)

// manifest is the package.json of what is published; dependencies and a
// description give the documents the size that those of real packages have.
type manifest struct {
	Name         string            `json:"name"`
	Version      string            `json:"version"`
	Description  string            `json:"description"`
	Main         string            `json:"main"`
	License      string            `json:"license"`
	Dependencies map[string]string `json:"dependencies"`
}

func newManifest(name, version string) manifest {
	m := manifest{
		Name: name, Version: version, Main: "index.js", License: "MIT",
		Description:  "Version " + version + " of a package that exists to be measured and does nothing else",
		Dependencies: map[string]string{},
	}
	for i := range 8 {
		m.Dependencies[fmt.Sprintf("some-dependency-%d", i)] = fmt.Sprintf("^%d.%s", i, version[:1])
	}
	return m
}

// tarball packs m with a file of about size bytes that does not compress.
func tarball(m manifest, size int) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	head, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	filler := make([]byte, size)
	var seed [32]byte
	copy(seed[:], m.Name+m.Version)
	rand.NewChaCha8(seed).Read(filler) // never fails
	for _, f := range []struct {
		name string
		b    []byte
	}{{"package/package.json", head}, {"package/index.js", []byte("module.exports = {}\n")}, {"package/data.bin", filler}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.b)), Typeflag: tar.TypeReg}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.b); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// publishBody is the document that npm publish sends.
func publishBody(registry string, m manifest, tgz []byte) ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var version map[string]any
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, err
	}
	one, long := sha1.Sum(tgz), sha512.Sum512(tgz)
	file := m.Name + "-" + m.Version + ".tgz"
	version["_id"] = m.Name + "@" + m.Version
	version["dist"] = map[string]any{
		"shasum":    hex.EncodeToString(one[:]),
		"integrity": "sha512-" + base64.StdEncoding.EncodeToString(long[:]),
		"tarball":   registry + m.Name + "/-/" + file,
	}
	return json.Marshal(map[string]any{
		"_id": m.Name, "name": m.Name, "description": m.Description,
		"dist-tags": map[string]string{"latest": m.Version},
		"versions":  map[string]any{m.Version: version},
		"access":    nil,
		"_attachments": map[string]any{file: map[string]any{
			"content_type": "application/octet-stream", "data": base64.StdEncoding.EncodeToString(tgz), "length": len(tgz),
		}},
	})
}

// put publishes a body that publishBody made.
func put(ctx context.Context, client *http.Client, s *server, name string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.url+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+s.token)
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s says %d to %s: %s", s.name, answer.StatusCode, name, said)
	}
	return nil
}

// publish makes and publishes one version.
func publish(ctx context.Context, client *http.Client, s *server, name, version string, size int) error {
	m := newManifest(name, version)
	tgz, err := tarball(m, size)
	if err != nil {
		return err
	}
	body, err := publishBody(s.url, m, tgz)
	if err != nil {
		return err
	}
	return put(ctx, client, s, name, body)
}

// logIn makes a user in the way of npm adduser.
func logIn(ctx context.Context, registry string) (string, error) {
	body := `{"name":"bench","password":"benchbench"}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, registry+"-/user/org.couchdb.user:bench", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var said struct{ Token string }
	if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || said.Token == "" {
		return "", fmt.Errorf("logging in: %d, %w", answer.StatusCode, err)
	}
	return said.Token, nil
}
