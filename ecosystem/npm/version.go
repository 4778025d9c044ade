package npm

import (
	"encoding/base64"
	"regexp"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"
)

// dist is what clients check a tarball with. docs/responses/package-metadata.md
// in github.com/npm/registry; the signatures are described at pacote
// lib/registry.js.
type dist struct {
	FileCount  int         `json:"fileCount"`
	Integrity  string      `json:"integrity"`
	Shasum     string      `json:"shasum"`
	Signatures []signature `json:"signatures,omitzero"`
	Tarball    string      `json:"tarball"`
	Unpacked   int64       `json:"unpackedSize"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// registrys are the members that only the registry may write: in a
// package.json they would speak in its name. npm view and others lay a
// version's members over those of the whole package.
var registrys = []string{
	"dist", "deprecated", "hasInstallScript", "maintainers", "time", "versions", "dist-tags", "users", "readme", "readmeFilename",
}

// abbreviated are the members of a version that an installer needs.
// Documentation and the public registry's documents differ; this is both.
var abbreviated = []string{
	"name", "version", "dependencies", "optionalDependencies", "devDependencies", "bundleDependencies",
	"peerDependencies", "peerDependenciesMeta", "acceptDependencies", "bin", "directories", "engines",
	"os", "cpu", "libc", "funding", "dist", "deprecated", "_hasShrinkwrap", "hasInstallScript",
}

// renderVersion makes the object of one version, sorted by name.
func renderVersion(n bonded.Name, r *bonded.Release, site string, docs ecosystem.Docs, short bool) ([]byte, error) {
	file := liveFile(r)
	b, err := docs.Doc(file.Meta)
	if err != nil {
		return nil, err
	}
	m, err := parseMeta(b)
	if err != nil {
		return nil, err
	}
	f := m.manifest()
	f["name"], f["version"], f["_id"] = value(n.Key), value(r.Version), value(n.Key+"@"+r.Version)
	d := dist{
		FileCount: m.FileCount, Integrity: m.Integrity, Shasum: m.Shasum, Unpacked: m.Unpacked,
		Tarball: site + Ecosystem{}.ArtifactPath(n, r.Version, file.Name),
	}
	if file.Sig.KeyID != "" {
		d.Signatures = []signature{{file.Sig.KeyID, base64.StdEncoding.EncodeToString(file.Sig.Bytes)}}
	}
	f["dist"] = value(d)
	if !r.Deprecated.IsZero() {
		text, err := message(docs, r.Deprecated)
		if err != nil {
			return nil, err
		}
		f["deprecated"] = value(text)
	}
	if short {
		all := f
		f = fields{}
		for _, k := range abbreviated {
			if v, ok := all[k]; ok {
				f[k] = v
			}
		}
	}
	return f.encode(), nil
}

// liveFile is the file of a release that is live.
func liveFile(r *bonded.Release) *bonded.File {
	for i := range r.Files {
		if !r.Files[i].Removed {
			return &r.Files[i]
		}
	}
	return &bonded.File{}
}

// message looks up a deprecation message. The fact outlives its words.
func message(docs ecosystem.Docs, g bonded.Digest) (string, error) {
	b, err := docs.Doc(g)
	if kind, _, _ := bonded.Explain(err); err != nil && kind == bonded.NotFound {
		return "deprecated; the message was deleted", nil
	}
	return string(b), err
}

// manifest is the package.json as npm would have published it: with what the
// files imply, in the spellings that clients read without a second thought.
func (m *meta) manifest() fields {
	f := fields{}
	for k, v := range m.pkg {
		if !strings.HasPrefix(k, "_") {
			f[k] = v
		}
	}
	for _, k := range registrys {
		delete(f, k)
	}
	set := func(key string, v any, ok bool) {
		if delete(f, key); ok {
			f[key] = value(v)
		}
	}
	for _, key := range []string{"dependencies", "optionalDependencies", "devDependencies"} {
		deps := m.pkg.dependencies(key)
		set(key, deps, deps != nil)
	}
	peers, bundled, bin, scripts, engines := m.pkg.texts("peerDependencies"), m.pkg.bundled(), m.bin(), m.scripts(), m.pkg.engines()
	set("peerDependencies", peers, peers != nil)
	delete(f, "bundledDependencies")
	set("bundleDependencies", bundled, bundled != nil)
	set("bin", bin, bin != nil)
	set("scripts", scripts, scripts != nil)
	set("engines", engines, engines != nil)
	set("hasInstallScript", true, m.runsOnInstall())
	set("_hasShrinkwrap", m.Shrinkwrap, true)
	m.pkg.people(f)
	return f
}

// people writes the members for people as objects, as npm publishes them.
func (f fields) people(out fields) {
	if f["keywords"].Kind() != 0 {
		out["keywords"] = value(f.keywords())
	}
	if s := f.text("author"); s != "" {
		out["author"] = value(person(s))
	}
	if all := f.values("contributors"); all != nil {
		for i, v := range all {
			if v.Kind() == '"' {
				all[i] = value(person(fields{"": v}.text("")))
			}
		}
		out["contributors"] = value(all)
	}
	if s := f.text("bugs"); strings.Contains(s, "@") && !strings.Contains(s, "://") {
		out["bugs"] = value(map[string]string{"email": s})
	} else if s != "" {
		out["bugs"] = value(map[string]string{"url": s})
	}
	if s := f.text("repository"); s != "" {
		out["repository"] = value(map[string]string{"type": "git", "url": repository(s)})
	}
}

// keywords may be one string.
func (f fields) keywords() []string {
	if s := f.text("keywords"); s != "" {
		return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
	}
	return f.strings("keywords")
}

var personForm = regexp.MustCompile(`^([^<(]*)(?:<([^>]*)>)?\s*(?:\(([^)]*)\))?`)

// person reads "name <email> (url)".
func person(s string) map[string]string {
	out := map[string]string{}
	m := personForm.FindStringSubmatch(s)
	for i, key := range []string{"", "name", "email", "url"} {
		if i > 0 && m != nil && strings.TrimSpace(m[i]) != "" {
			out[key] = strings.TrimSpace(m[i])
		}
	}
	return out
}

// repository writes the short form of a well-known host as a URL.
func repository(s string) string {
	m := gitShort.FindStringSubmatch(s)
	if m == nil {
		return s
	}
	host := map[string]string{"": "github.com", "github": "github.com", "gitlab": "gitlab.com", "bitbucket": "bitbucket.org", "gist": "gist.github.com", "sourcehut": "git.sr.ht"}[m[1]]
	return "git+https://" + host + "/" + m[2] + ".git"
}
