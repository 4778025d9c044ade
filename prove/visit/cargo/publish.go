package cargo

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"bonded.dev/prove/visit"
)

// metadata is the JSON before the .crate in a publish request: what Cargo read
// out of Cargo.toml, and what the index will say.
type metadata struct {
	Name        string              `json:"name"`
	Version     string              `json:"vers"`
	Deps        []needed            `json:"deps"`
	Features    map[string][]string `json:"features"`
	Authors     []string            `json:"authors"`
	Description string              `json:"description"`
	Keywords    []string            `json:"keywords"`
	Categories  []string            `json:"categories"`
	License     string              `json:"license"`
	Badges      struct{}            `json:"badges"`
	Links       *string             `json:"links"`
	Rust        *string             `json:"rust_version"`
}

type needed struct {
	Optional bool     `json:"optional"`
	Default  bool     `json:"default_features"`
	Name     string   `json:"name"`
	Features []string `json:"features"`
	Req      string   `json:"version_req"`
	Target   *string  `json:"target"`
	Kind     string   `json:"kind"`
	Registry *string  `json:"registry"`
}

// license stands in every crate, because registries ask for one.
const license = "Apache-2.0"

// Publish sends what cargo publish sends: lengths, the metadata that was
// claimed, the .crate. Its folder has the upload's name and version, its
// Cargo.toml says what is inside. The request states no file name, label or
// digest, so that nobody can lie about those.
func (Dialect) Publish(ctx context.Context, s *visit.Site, as visit.Credential, up visit.Upload) (visit.Answer, error) {
	if up.Lie {
		return visit.Answer{}, fmt.Errorf("publishing %s with a false digest: the request states none: %w", up.Name, visit.ErrNotSpoken)
	}
	at, err := api(ctx, s, as)
	if err != nil {
		return visit.Answer{}, err
	}
	crate, err := pack(up)
	if err != nil {
		return visit.Answer{}, fmt.Errorf("building %s %s: %w", up.Name, up.Version, err)
	}
	claimed := up.Inside
	if up.Claimed != nil {
		claimed = *up.Claimed
	}
	meta, err := json.Marshal(describe(up, claimed))
	if err != nil {
		return visit.Answer{}, fmt.Errorf("writing the metadata of %s: %w", up.Name, err)
	}
	body := binary.LittleEndian.AppendUint32(nil, uint32(len(meta)))
	body = append(body, meta...)
	body = binary.LittleEndian.AppendUint32(body, uint32(len(crate)))
	return send(ctx, s, as, "PUT", at+"/new", append(body, crate...))
}

func describe(up visit.Upload, m visit.Manifest) metadata {
	out := metadata{
		Name: cmp.Or(m.Name, up.Name), Version: cmp.Or(m.Version, up.Version), Description: m.Description,
		// Cargo sends empty lists, and some registries take no null.
		Deps: []needed{}, Features: map[string][]string{}, Authors: []string{}, Keywords: []string{}, Categories: []string{},
		License: license,
	}
	if m.Requires != "" {
		out.Rust = &m.Requires
	}
	for _, name := range slices.Sorted(maps.Keys(m.Dependencies)) {
		out.Deps = append(out.Deps, needed{Name: name, Req: m.Dependencies[name], Kind: "normal", Default: true, Features: []string{}})
	}
	return out
}

// pack makes a .crate as cargo package would, and as it would not.
func pack(up visit.Upload) ([]byte, error) {
	at := up.Name + "-" + up.Version + "/"
	members := []visit.Member{
		{Name: at + "Cargo.toml", Body: []byte(manifest(up))},
		{Name: at + "src/lib.rs", Body: []byte("// " + up.Canary + "\n")},
	}
	if up.Inside.Script != "" {
		// What would run is told and not done.
		text := "// " + up.Inside.Script + "\nfn main() {}\n"
		members = append(members, visit.Member{Name: at + "build.rs", Body: []byte(text)})
	}
	b, err := visit.TarGz(append(members, up.Members...)...)
	if err != nil || up.Mangle == nil {
		return b, err
	}
	return up.Mangle(b), nil
}

func manifest(up visit.Upload) string {
	m := up.Inside
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			b.WriteString(key + " = " + quote(value) + "\n")
		}
	}
	b.WriteString("[package]\n")
	line("name", cmp.Or(m.Name, up.Name))
	line("version", cmp.Or(m.Version, up.Version))
	line("edition", "2021")
	line("description", m.Description)
	line("license", license)
	line("rust-version", m.Requires)
	if m.Script != "" {
		line("build", "build.rs")
	}
	if len(m.Dependencies) > 0 {
		b.WriteString("\n[dependencies]\n")
	}
	for _, name := range slices.Sorted(maps.Keys(m.Dependencies)) {
		line(quote(name), m.Dependencies[name])
	}
	return b.String()
}

// quote writes a TOML string, whose basic form takes what a JSON string is.
func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return strconv.QuoteToASCII(s) // not UTF-8: what is wrong stays wrong
	}
	return string(b)
}
