package artifactmetadata

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"net/mail"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/audit"
)

// manifest is what a file says of itself.
type manifest struct {
	name, version string
	needs         map[string]bool
	// complete: the index of this kind tells dependencies, so that none told
	// means that there are none.
	complete bool
	script   bool // something runs at install
}

// largestManifest bounds a manifest, and most how much of an archive is read to
// find it, bytes.
const (
	largestManifest = 1 << 20
	most            = 64 << 20
)

// inside reads the manifest of a file, where there is one that can be read.
func inside(kind string, s audit.Sample) (manifest, bool) {
	switch {
	case kind == "npm":
		return tarball(s.Answer.Body)
	case kind == "pypi" && strings.HasSuffix(s.File.Name, ".whl"):
		return wheel(s.Answer.Body)
	}
	return manifest{}, false
}

// tarball reads package.json, wherever the archive's one folder has it.
func tarball(b []byte) (m manifest, ok bool) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return m, false
	}
	t := tar.NewReader(io.LimitReader(z, most))
	builds := false
	for {
		h, err := t.Next()
		if err != nil {
			m.script = m.script || ok && builds
			return m, ok
		}
		switch _, file, _ := strings.Cut(h.Name, "/"); file {
		case "binding.gyp": // npm builds it when nothing else is said
			builds = true
		case "package.json":
			text, err := io.ReadAll(io.LimitReader(t, largestManifest))
			if err != nil {
				return m, false
			}
			if m, ok = packageJSON(text); !ok {
				return m, false
			}
		}
	}
}

func packageJSON(text []byte) (m manifest, ok bool) {
	var told struct {
		Name     string                    `json:"name"`
		Version  string                    `json:"version"`
		Needs    map[string]jsontext.Value `json:"dependencies"`
		Optional map[string]jsontext.Value `json:"optionalDependencies"`
		Scripts  map[string]string         `json:"scripts"`
	}
	if json.Unmarshal(text, &told) != nil {
		return m, false
	}
	m = manifest{name: told.Name, version: strings.TrimLeft(told.Version, "v="), needs: map[string]bool{}, complete: true}
	for _, list := range []map[string]jsontext.Value{told.Needs, told.Optional} {
		for name := range list {
			m.needs[name] = true
		}
	}
	for _, when := range []string{"preinstall", "install", "postinstall"} {
		m.script = m.script || told.Scripts[when] != ""
	}
	return m, true
}

// wheel reads METADATA.
func wheel(b []byte) (m manifest, ok bool) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return m, false
	}
	for _, f := range z.File {
		if folder, file, _ := strings.Cut(f.Name, "/"); !strings.HasSuffix(folder, ".dist-info") || file != "METADATA" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return m, false
		}
		defer r.Close()
		head, err := mail.ReadMessage(io.MultiReader(io.LimitReader(r, largestManifest), strings.NewReader("\n\n")))
		if err != nil {
			return m, false
		}
		m = manifest{name: head.Header.Get("Name"), version: head.Header.Get("Version"), needs: map[string]bool{}}
		for _, line := range head.Header["Requires-Dist"] {
			m.needs[requirement(line)] = true
		}
		return m, true
	}
	return m, false
}

// requirement is the name that a requirement begins with (PEP 508).
func requirement(line string) string {
	line = strings.TrimSpace(line)
	end := strings.IndexFunc(line, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_.", c))
	})
	if end >= 0 {
		line = line[:end]
	}
	return normal(line)
}
