package npm

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fields is a JSON object by its members. The methods read a package.json as
// npm reads it: @npmcli/package-json lib/normalize.js, and before npm 9
// normalize-package-data, whose results yarn shares.
type fields map[string]jsontext.Value

// parseFields reads an object strictly: no duplicate names, valid UTF-8.
func parseFields(b []byte) (fields, error) {
	var f fields
	err := json.Unmarshal(b, &f)
	return f, err
}

// text is a string member; "" when it is missing or something else.
func (f fields) text(key string) string {
	var s string
	if f[key].Kind() != '"' || json.Unmarshal(f[key], &s) != nil {
		return ""
	}
	return s
}

// strings is an array member without what is no string.
func (f fields) strings(key string) []string {
	all := f.values(key)
	if all == nil {
		return nil
	}
	out := []string{}
	for _, v := range all {
		if v.Kind() == '"' {
			out = append(out, fields{"": v}.text(""))
		}
	}
	return out
}

// values is an array member; nil when it is missing or something else.
func (f fields) values(key string) []jsontext.Value {
	var all []jsontext.Value
	if f[key].Kind() != '[' || json.Unmarshal(f[key], &all) != nil {
		return nil
	}
	return all
}

// object is an object member; nil when it is missing or something else.
func (f fields) object(key string) fields {
	if f[key].Kind() != '{' {
		return nil
	}
	o, err := parseFields(f[key])
	if err != nil {
		return nil
	}
	return o
}

// texts is an object member without what is no string.
func (f fields) texts(key string) map[string]string {
	o := f.object(key)
	if o == nil {
		return nil
	}
	out := map[string]string{}
	for k, v := range o {
		if v.Kind() == '"' {
			out[k] = o.text(k)
		}
	}
	return out
}

// dependencies reads one of the tables of dependencies. Ancient packages wrote
// them as an array or a string of "name@range".
func (f fields) dependencies(key string) map[string]string {
	specs := f.strings(key)
	if f[key].Kind() == '"' {
		specs = strings.FieldsFunc(f.text(key), func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	}
	if specs == nil {
		return f.texts(key)
	}
	out := map[string]string{}
	for _, s := range specs {
		s = strings.TrimSpace(s)
		if at := strings.IndexAny(s, "@ ><="); at > 0 {
			out[s[:at]] = strings.TrimSpace(strings.TrimPrefix(s[at:], "@"))
		} else if s != "" && at < 0 {
			out[s] = ""
		}
	}
	return out
}

// bundled names the dependencies that come inside the tarball. The second
// spelling of the member counts only without the first.
func (f fields) bundled() []string {
	key := "bundleDependencies"
	if f[key].Kind() == 0 {
		key = "bundledDependencies"
	}
	switch f[key].Kind() {
	case 't':
		return sortedKeys(f.texts("dependencies"))
	case '[':
		return f.strings(key)
	case '{':
		return sortedKeys(f.object(key))
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// commands is bin as it was written.
func (f fields) commands() map[string]string {
	raw := f.texts("bin")
	switch f["bin"].Kind() {
	case '"':
		raw = map[string]string{f.text("name"): f.text("bin")}
	case '[':
		raw = map[string]string{}
		for _, file := range f.strings("bin") {
			raw[path.Base(file)] = file
		}
	}
	return raw
}

// bin maps commands to files inside the package. A command is a plain file
// name and a file stays inside, however they were written.
func (f fields) bin() map[string]string {
	raw := f.commands()
	out := map[string]string{}
	for _, command := range sortedKeys(raw) {
		c, file := path.Base(inside(command)), inside(raw[command])
		if c != "." && file != "" {
			out[c] = file
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// inside makes a relative slashed path that cannot leave the package; "" is
// the package itself.
func inside(p string) string {
	return strings.TrimPrefix(path.Clean("/"+strings.NewReplacer(`\`, "/", ":", "/").Replace(p)), "/")
}

// climbs says which command leads out of the package or out of the folder of
// commands; "" for none. Clients of today cut such paths down, as inside does;
// those before npm 6.13.4 and yarn 1.21.1 wrote where they lead
// (CVE-2019-16775 to 16777).
func (f fields) climbs() string {
	for _, command := range sortedKeys(f.commands()) {
		if up(command) || up(f.commands()[command]) {
			return "the command " + command + " leads out of the package or of the folder of commands"
		}
	}
	for _, kind := range []string{"bin", "man"} {
		if up(f.object("directories").text(kind)) {
			return "directories." + kind + " leads out of the package"
		}
	}
	return ""
}

func up(p string) bool {
	p = path.Clean(strings.TrimLeft(strings.ReplaceAll(p, `\`, "/"), "/"))
	return p == ".." || strings.HasPrefix(p, "../")
}

// commandPath is what npm takes off the front of a script.
var commandPath = regexp.MustCompile(`^(\.[/\\])?node_modules[/\\].bin[\\/]`)

func (f fields) scripts() map[string]string {
	s := f.texts("scripts")
	for k, v := range s {
		s[k] = commandPath.ReplaceAllString(v, "")
	}
	return s
}

// engines also takes the array of "name range" that yarn turns into an object.
func (f fields) engines() map[string]string {
	if f["engines"].Kind() != '[' {
		return f.texts("engines")
	}
	out := map[string]string{}
	for _, s := range f.strings("engines") {
		name, span, _ := strings.Cut(strings.TrimSpace(s), " ")
		out[name] = strings.TrimSpace(span)
	}
	return out
}

// list reads os, cpu and libc, which may be one string.
func (f fields) list(key string) []string {
	if s := f.text(key); s != "" {
		return []string{s}
	}
	return f.strings(key)
}

// value makes the JSON of something that surely has one, with sorted names.
func value(v any) jsontext.Value {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return jsontext.Value("null")
	}
	return b
}

// encode writes an object with sorted names. Its values must be canonical.
func (f fields) encode() []byte {
	b := []byte{'{'}
	for i, k := range sortedKeys(f) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendName(b, k)
		b = append(b, f[k]...)
	}
	return append(b, '}')
}

func appendName(b []byte, name string) []byte {
	return append(append(b, value(name)...), ':')
}
