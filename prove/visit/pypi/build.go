package pypi

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bonded.dev/prove/visit"
)

// built is a distribution and what kind it is, in the words of the upload form.
type built struct {
	file, filetype, pyversion string
	bytes                     []byte
}

const (
	wheelForm = "wheel"
	sdistForm = "sdist"
)

// build makes the artifact. The usual one is a wheel; with a script it is an
// sdist, because of the two only that runs anything when it is installed.
func build(up visit.Upload) (built, error) {
	form := cmp.Or(up.Form, wheelForm)
	if up.Form == "" && up.Inside.Script != "" {
		form = sdistForm
	}
	var b built
	var err error
	switch {
	case form == wheelForm && up.Inside.Script != "":
		return b, fmt.Errorf("a wheel that runs a script: %w", visit.ErrNotSpoken)
	case form == wheelForm:
		b = built{file: stem(up) + "-py3-none-any.whl", filetype: "bdist_wheel", pyversion: "py3"}
		b.bytes, err = wheel(up)
	case form == sdistForm:
		b = built{file: stem(up) + ".tar.gz", filetype: "sdist", pyversion: "source"}
		b.bytes, err = sdist(up)
	default:
		return b, fmt.Errorf("a distribution in the form of %q: %w", form, visit.ErrNotSpoken)
	}
	if err != nil {
		return b, err
	}
	b.file = cmp.Or(up.File, b.file)
	if up.Mangle != nil {
		b.bytes = up.Mangle(b.bytes)
	}
	return b, nil
}

// stem is what file names begin with, whatever the metadata says.
func stem(up visit.Upload) string {
	return escaped(up.Name) + "-" + strings.ReplaceAll(up.Version, "-", "_")
}

// metadata is METADATA or PKG-INFO.
func metadata(up visit.Upload, m visit.Manifest) []byte {
	var b bytes.Buffer
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	field("Metadata-Version", metadataVersion)
	field("Name", cmp.Or(m.Name, up.Name))
	field("Version", cmp.Or(m.Version, up.Version))
	field("Summary", m.Description)
	field("Requires-Python", m.Requires)
	for _, line := range requirements(m) {
		field("Requires-Dist", line)
	}
	return b.Bytes()
}

const metadataVersion = "2.1"

func requirements(m visit.Manifest) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(m.Dependencies)) {
		lines = append(lines, name+m.Dependencies[name])
	}
	return lines
}

// wheel packs what a build tool would (PEP 427), and what it would not. RECORD
// lists the further members too, so that it is never the reason for a refusal.
func wheel(up visit.Upload) ([]byte, error) {
	info := stem(up) + ".dist-info/"
	members := append([]visit.Member{
		{Name: escaped(up.Name) + ".py", Body: []byte("# " + up.Canary + "\n")},
		{Name: info + "METADATA", Body: metadata(up, up.Inside)},
		{Name: info + "WHEEL", Body: []byte("Wheel-Version: 1.0\nGenerator: bonded-visit (1.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n")},
	}, up.Members...)
	record, err := recordOf(info+"RECORD", members)
	if err != nil {
		return nil, err
	}
	return visit.Zip(append(members, visit.Member{Name: info + "RECORD", Body: record})...)
}

func recordOf(itself string, members []visit.Member) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, m := range members {
		switch {
		case m.Name == itself || m.Kind == visit.Directory:
			continue
		case m.Kind == visit.Symlink:
			m.Body, m.Zeros = []byte(m.Link), 0
		}
		h := sha256.New()
		if err := m.Pour(h); err != nil {
			return nil, fmt.Errorf("hashing %q: %w", m.Name, err)
		}
		sum := "sha256=" + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
		if err := w.Write([]string{m.Name, sum, strconv.FormatInt(int64(len(m.Body))+m.Zeros, 10)}); err != nil {
			return nil, fmt.Errorf("listing %q: %w", m.Name, err)
		}
	}
	if err := w.Write([]string{itself, "", ""}); err != nil {
		return nil, fmt.Errorf("listing %q: %w", itself, err)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// sdist packs a source distribution (PEP 625). A script stands in setup.py,
// which runs when it is built, and pip builds before it installs.
func sdist(up visit.Upload) ([]byte, error) {
	folder, m := stem(up)+"/", up.Inside
	members := []visit.Member{
		{Name: folder + "PKG-INFO", Body: metadata(up, m)},
		{Name: folder + "pyproject.toml", Body: project(up)},
		{Name: folder + escaped(up.Name) + ".py", Body: []byte("# " + up.Canary + "\n")},
	}
	if m.Script != "" {
		members = append(members, visit.Member{Name: folder + "setup.py", Body: []byte(
			"import subprocess\n\nimport setuptools\n\nsubprocess.run(" + quote(m.Script) + ", shell=True, check=True)\nsetuptools.setup()\n")})
	}
	return visit.TarGz(append(members, up.Members...)...)
}

func project(up visit.Upload) []byte {
	m := up.Inside
	var b bytes.Buffer
	fmt.Fprintf(&b, "[build-system]\nrequires = [\"setuptools>=77\"]\nbuild-backend = \"setuptools.build_meta\"\n\n[project]\nname = %s\nversion = %s\n",
		quote(cmp.Or(m.Name, up.Name)), quote(cmp.Or(m.Version, up.Version)))
	if m.Description != "" {
		fmt.Fprintf(&b, "description = %s\n", quote(m.Description))
	}
	if m.Requires != "" {
		fmt.Fprintf(&b, "requires-python = %s\n", quote(m.Requires))
	}
	if lines := requirements(m); len(lines) > 0 {
		quoted := make([]string, len(lines))
		for i, line := range lines {
			quoted[i] = quote(line)
		}
		fmt.Fprintf(&b, "dependencies = [%s]\n", strings.Join(quoted, ", "))
	}
	fmt.Fprintf(&b, "\n[tool.setuptools]\npy-modules = [%s]\n", quote(escaped(up.Name)))
	return b.Bytes()
}

// quote writes a string as JSON has it, which TOML and Python take too.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
