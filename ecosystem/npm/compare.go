package npm

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bonded.dev"
)

// compare holds the manifest in the request against the package.json in the
// tarball. Nothing of the manifest is used; a difference in what it means to a
// resolver or an installer is how a package lies about itself, and is reported.
// What clients are known to rewrite before they publish is no difference.
func compare(said fields, m *meta) (found []bonded.Anomaly) {
	differs := func(field string, said, is any) {
		found = append(found, mismatch(field, fmt.Sprintf("the request says %v, the tarball %v", said, is)))
	}
	texts := func(field string, said, is map[string]string, same func(a, b string) bool) {
		if k, ok := firstDifference(said, is, same); !ok {
			differs(field, show(said, k), show(is, k))
		}
	}
	is := m.pkg
	if v, _ := cleanVersion(said.text("version")); said.text("version") != "" && v != clean(is.text("version")) {
		differs("version", printable(said.text("version")), printable(is.text("version")))
	}
	if id := said.text("_id"); id != "" && id != is.text("name")+"@"+clean(is.text("version")) && id != is.text("name")+"@"+is.text("version") {
		differs("_id", printable(id), printable(is.text("name")+"@"+is.text("version")))
	}
	if s := said.text("name"); s != "" && s != is.text("name") {
		differs("name", printable(s), printable(is.text("name")))
	}
	texts("dependencies", said.required(), is.required(), sameSpec)
	texts("optionalDependencies", said.dependencies("optionalDependencies"), is.dependencies("optionalDependencies"), sameSpec)
	texts("peerDependencies", said.texts("peerDependencies"), is.texts("peerDependencies"), equal)
	texts("peerDependenciesMeta", said.optionalPeers(), is.optionalPeers(), equal)
	texts("engines", said.engines(), is.engines(), equal)
	texts("scripts", said.withoutDefaults(is.scripts()), is.scripts(), equal)
	// A client that does not look into directories.bin says nothing of bin.
	if said["bin"].Kind() != 0 || is["bin"].Kind() != 0 {
		texts("bin", m.withoutFolders(said.bin()), m.bin(), equal)
	}
	for _, field := range []string{"os", "cpu", "libc"} {
		if a, b := said.list(field), is.list(field); !slices.Equal(a, b) {
			differs(field, a, b)
		}
	}
	if a, b := sorted(said.bundled()), sorted(is.bundled()); !slices.Equal(a, b) {
		differs("bundleDependencies", a, b)
	}
	return found
}

func mismatch(rule, detail string) bonded.Anomaly {
	return bonded.Anomaly{Kind: bonded.Mismatch, Rule: rule, Where: rule, Detail: printable(detail)}
}

func clean(version string) string {
	v, _ := cleanVersion(version)
	return v
}

func equal(a, b string) bool { return a == b }

func sorted(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }

// firstDifference names the first key, in order, under which two tables differ.
func firstDifference(a, b map[string]string, same func(a, b string) bool) (string, bool) {
	both := map[string]string{}
	maps.Copy(both, a)
	maps.Copy(both, b)
	for _, k := range sortedKeys(both) {
		va, inA := a[k]
		vb, inB := b[k]
		if inA != inB || !same(va, vb) {
			return k, false
		}
	}
	return "", true
}

func show(table map[string]string, k string) string {
	if v, ok := table[k]; ok {
		return fmt.Sprintf("%q: %q", k, v)
	}
	return fmt.Sprintf("nothing of %q", k)
}

// required is dependencies without the optional ones: clients differ in
// whether they repeat those.
func (f fields) required() map[string]string {
	out := f.dependencies("dependencies")
	for k := range f.dependencies("optionalDependencies") {
		delete(out, k)
	}
	return out
}

// optionalPeers are the names that peerDependenciesMeta marks.
func (f fields) optionalPeers() map[string]string {
	out := map[string]string{}
	for name := range f.object("peerDependenciesMeta") {
		if f.object("peerDependenciesMeta").object(name)["optional"].Kind() == 't' {
			out[name] = "optional"
		}
	}
	return out
}

// withoutDefaults drops the scripts that clients add by looking at files, some
// of which they then leave out of the tarball.
func (f fields) withoutDefaults(tarball map[string]string) map[string]string {
	out := f.scripts()
	for name, text := range map[string]string{"install": gypScript, "start": "node server.js"} {
		if _, ok := tarball[name]; !ok && out[name] == text {
			delete(out, name)
		}
	}
	return out
}

// withoutFolders drops the commands that are folders: npm takes everything in
// directories.bin for a command.
func (m *meta) withoutFolders(said map[string]string) map[string]string {
	for name, file := range said {
		if slices.ContainsFunc(m.Commands, func(c string) bool { return strings.HasPrefix(c, file+"/") }) {
			delete(said, name)
		}
	}
	// yarn does not look into the folders inside.
	for _, file := range m.Commands {
		if base := file[strings.LastIndexByte(file, '/')+1:]; said != nil && said[base] == "" {
			said[base] = file
		}
	}
	return said
}

// sameSpec compares what stands behind the name of a dependency. npm rewrites
// the addresses of well-known git hosts (hosted-git-info).
func sameSpec(a, b string) bool {
	return a == b || gitHome(a) != "" && gitHome(a) == gitHome(b)
}

var (
	gitShort = regexp.MustCompile(`^(?:(github|gitlab|bitbucket|gist|sourcehut):)?([^/:@\s]+/[^:@#\s]+(?:#\S+)?)$`)
	gitLong  = regexp.MustCompile(`^(?:git\+)?(?:(?:https?|ssh|git|file)://)?(?:[^@/]*@)?([\w.-]+)[:/](\S+)$`)
)

// gitHome is host/path#commit of a git address, "" for anything else.
func gitHome(spec string) string {
	host, rest := "", ""
	if m := gitShort.FindStringSubmatch(spec); m != nil {
		host, rest = m[1], m[2]
		if host == "" {
			host = "github"
		}
	} else if m := gitLong.FindStringSubmatch(spec); m != nil && !strings.HasPrefix(spec, "npm:") {
		host, rest = strings.TrimPrefix(m[1], "www."), m[2]
		for _, known := range []string{"github.com", "gitlab.com", "bitbucket.org", "gist.github.com", "git.sr.ht"} {
			if host == known {
				host, _, _ = strings.Cut(strings.Replace(strings.Replace(host, "gist.github", "gist", 1), "git.sr.ht", "sourcehut.", 1), ".")
			}
		}
	} else {
		return ""
	}
	home, commit, _ := strings.Cut(rest, "#")
	return host + "/" + strings.TrimSuffix(strings.TrimSuffix(home, "/"), ".git") + "#" + commit
}

// compareDigests holds what the request says of the bytes against them. dist
// is the manifest's; length is the attachment's, negative when it says none.
func compareDigests(dist fields, length int64, k bonded.Kept) (found []bonded.Anomaly) {
	differs := func(rule, said, is string) {
		found = append(found, bonded.Anomaly{Kind: bonded.Checksum, Rule: rule, Where: rule,
			Detail: printable(fmt.Sprintf("the request says %s, the bytes are %s", said, is))})
	}
	if length >= 0 && length != k.Size {
		differs("length", fmt.Sprint(length), fmt.Sprint(k.Size))
	}
	if s, is := dist.text("shasum"), hex.EncodeToString(k.SHA1[:]); dist["shasum"].Kind() != 0 && !strings.EqualFold(s, is) {
		differs("shasum", s, is)
	}
	// Subresource Integrity, section 3.5: digests apart by blanks, options behind "?".
	for item := range strings.FieldsSeq(dist.text("integrity")) {
		algorithm, sum, _ := strings.Cut(item, "-")
		sum, _, _ = strings.Cut(sum, "?")
		is, known := map[string][]byte{"sha1": k.SHA1[:], "sha256": k.Digest[:], "sha512": k.SHA512[:], "md5": k.MD5[:]}[algorithm]
		if is64 := base64.StdEncoding.EncodeToString(is); known && sum != is64 {
			differs("integrity", item, algorithm+"-"+is64)
		}
	}
	return found
}
