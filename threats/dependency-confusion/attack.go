// Package dependencyconfusion offers, in the outside world, a higher version of
// a name that is hosted inside.
package dependencyconfusion

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"

	"bonded.dev/prove/drill"
	"bonded.dev/prove/visit"
)

// Attacks play the threat. They are for a repository that hosts some packages
// and pulls others through.
var Attacks = []drill.Attack{
	{Name: "the outside offers a higher version of a hosted name", Kinds: []string{"npm"}, Play: higher},
}

const outside = "99.0.0"

func higher(ctx context.Context, s *drill.Scene) (drill.Result, error) {
	origin, err := s.Origin(ctx)
	if err != nil {
		return drill.Result{}, err
	}
	name := s.Name("internal")
	if err := offer(origin, name); err != nil {
		return drill.Result{}, err
	}
	if err := s.Publish(ctx, drill.Owner, visit.Upload{Name: name, Version: "1.0.0", Canary: "inside"}); err != nil {
		return drill.Result{}, err
	}
	got, err := s.Install(ctx, name, outside)
	if err != nil {
		return drill.Result{}, err
	}
	if len(got) > 0 {
		return drill.Harmed("whoever asks for the newest %s, which is hosted here, gets a stranger's %s from outside", name, outside)
	}
	return drill.Stopped("the outside was not let in for a name that is hosted here")
}

// offer makes the origin serve the name, by the protocol that npm speaks.
func offer(origin *drill.Origin, name string) error {
	file := name + "-" + outside + ".tgz"
	manifest := map[string]any{"name": name, "version": outside}
	text, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	tarball, err := visit.TarGz(visit.Member{Name: "package/package.json", Body: text})
	if err != nil {
		return err
	}
	sum := sha512.Sum512(tarball)
	manifest["dist"] = map[string]string{
		"tarball": origin.URL + name + "/-/" + file, "integrity": "sha512-" + base64.StdEncoding.EncodeToString(sum[:]),
	}
	document, err := json.Marshal(map[string]any{
		"_id": name, "name": name, "dist-tags": map[string]string{"latest": outside},
		"versions": map[string]any{outside: manifest}, "time": map[string]string{outside: "2026-01-02T03:04:05.000Z"},
	})
	if err != nil {
		return err
	}
	origin.Put(name, document)
	origin.Put(name+"/-/"+file, tarball)
	return nil
}
