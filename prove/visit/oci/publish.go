package oci

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"bonded.dev/prove/visit"
)

// descriptor says what a manifest refers to.
type descriptor struct {
	Type        string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations,omitzero"`
	Artifact    string            `json:"artifactType,omitzero"`
}

// image is a manifest or, with manifests instead of layers, an index.
type image struct {
	Schema      int               `json:"schemaVersion"`
	Type        string            `json:"mediaType,omitzero"`
	Config      *descriptor       `json:"config,omitzero"`
	Layers      []descriptor      `json:"layers,omitzero"`
	Manifests   []descriptor      `json:"manifests,omitzero"`
	Annotations map[string]string `json:"annotations,omitzero"`
}

// contents is an image's config, as far as it is written here.
type contents struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Config       struct {
		Labels map[string]string `json:"Labels,omitzero"`
		Cmd    []string          `json:"Cmd,omitzero"`
	} `json:"config"`
	RootFS struct {
		Type  string   `json:"type"`
		Diffs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// The annotations and labels that stand for a manifest's fields.
const (
	title       = "org.opencontainers.image.title"
	version     = "org.opencontainers.image.version"
	description = "org.opencontainers.image.description"
)

func digestOf(b []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(b)) }

// Publish pushes an image: the layer and the config as blobs, then the manifest
// under the version as its tag, and under [visit.Upload.Tag] as well. The first
// refusal is the answer. A lie is told about the digest of the layer.
func (Dialect) Publish(ctx context.Context, s *visit.Site, as visit.Credential, up visit.Upload) (visit.Answer, error) {
	layer, err := visit.TarGz(append([]visit.Member{{Name: "canary.txt", Body: []byte(up.Canary + "\n")}}, up.Members...)...)
	if err != nil {
		return visit.Answer{}, fmt.Errorf("building %s %s: %w", up.Name, up.Version, err)
	}
	if up.Mangle != nil {
		layer = up.Mangle(layer)
	}
	config, err := json.Marshal(inside(up, layer), json.Deterministic(true))
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing the config of %s: %w", up.Name, err)
	}
	stated := digestOf(layer)
	if up.Lie {
		stated = digestOf(append(bytes.Clone(layer), "other bytes"...))
	}
	manifest, err := json.Marshal(outside(up, config, stated, len(layer)), json.Deterministic(true))
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing the manifest of %s: %w", up.Name, err)
	}
	for _, blob := range []struct {
		body   []byte
		digest string
	}{{layer, stated}, {config, digestOf(config)}} {
		if a, err := push(ctx, s, as, up.Name, blob.body, blob.digest); err != nil || !a.Taken() {
			return a, err
		}
	}
	a, err := put(ctx, s, as, up.Name, up.Version, typeManifest, manifest)
	if err != nil || !a.Taken() || up.Tag == "" {
		return a, err
	}
	return put(ctx, s, as, up.Name, up.Tag, typeManifest, manifest)
}

func labels(up visit.Upload, m visit.Manifest) map[string]string {
	l := map[string]string{title: cmp.Or(m.Name, up.Name), version: cmp.Or(m.Version, up.Version)}
	if m.Description != "" {
		l[description] = m.Description
	}
	return l
}

// inside is the config. The command of an image is what runs of it.
func inside(up visit.Upload, layer []byte) contents {
	var c contents
	c.Architecture, c.OS = "amd64", "linux"
	c.Config.Labels = labels(up, up.Inside)
	if up.Inside.Script != "" {
		c.Config.Cmd = []string{"/bin/sh", "-c", up.Inside.Script}
	}
	// Of the unpacked layer by rights; nothing unpacks this one.
	c.RootFS.Type, c.RootFS.Diffs = "layers", []string{digestOf(layer)}
	return c
}

// outside is the manifest.
func outside(up visit.Upload, config []byte, layer string, size int) image {
	claimed := up.Inside
	if up.Claimed != nil {
		claimed = *up.Claimed
	}
	m := image{
		Schema: 2, Type: typeManifest, Annotations: labels(up, claimed),
		Config: &descriptor{Type: typeConfig, Digest: digestOf(config), Size: int64(len(config))},
		Layers: []descriptor{{Type: typeLayer, Digest: layer, Size: int64(size)}},
	}
	if up.File != "" {
		m.Layers[0].Annotations = map[string]string{title: up.File}
	}
	return m
}

// push uploads a blob in the two requests that every registry knows.
func push(ctx context.Context, s *visit.Site, as visit.Credential, name string, body []byte, digest string) (visit.Answer, error) {
	start, err := ask(ctx, s, as, visit.Request{Method: "POST", URL: at(s, name) + "blobs/uploads/"})
	if err != nil {
		return visit.Answer{}, err
	}
	if !start.OK() {
		return answer(start)
	}
	to := start.Header.Get("Location")
	if to == "" {
		return visit.Answer{}, fmt.Errorf("uploading to %s: no Location in the answer %d: %w", name, start.Status, errShape)
	}
	to = visit.Resolve(start.URL, to)
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	r, err := ask(ctx, s, as, visit.Request{
		Method: "PUT", URL: to + sep + "digest=" + url.QueryEscape(digest), Body: body,
		Header: map[string]string{"Content-Type": "application/octet-stream"},
	})
	if err != nil {
		return visit.Answer{}, err
	}
	return answer(r)
}

// put stores a manifest under a tag.
func put(ctx context.Context, s *visit.Site, as visit.Credential, name, tag, kind string, body []byte) (visit.Answer, error) {
	r, err := ask(ctx, s, as, visit.Request{
		Method: "PUT", URL: at(s, name) + "manifests/" + url.PathEscape(tag), Body: body,
		Header: map[string]string{"Content-Type": kind},
	})
	if err != nil {
		return visit.Answer{}, err
	}
	return answer(r)
}
