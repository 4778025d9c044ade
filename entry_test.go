package bonded_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"bonded.dev"
)

// update writes the vectors again. They are the format: a change in them is a
// change of rules and needs a new bonded.RulesVersion once a log exists.
var update = flag.Bool("update", false, "write testdata again")

var (
	when  = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)
	left  = bonded.Name{Ecosystem: "npm", Key: "left-pad", Display: "left-pad"}
	tools = bonded.Name{Ecosystem: "npm", Key: "@acme/tools", Display: "@acme/tools"}
	flask = bonded.Name{Ecosystem: "pypi", Key: "flask-login", Display: "Flask_Login"}
)

func dig(s string) bonded.Digest { return bonded.DigestOf([]byte(s)) }

// samples holds at least one entry of every type, with and without optional lines.
func samples() map[string]bonded.Entry {
	return map[string]bonded.Entry{
		"genesis":        {Type: bonded.Genesis, Time: when, Origin: "packages.example/bonded/1"},
		"site":           {Type: bonded.Site, Time: when, URL: "https://packages.example/"},
		"key":            {Type: bonded.Key, Time: when, Key: bonded.RegistryKey{Ecosystem: "npm", ID: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", Public: []byte("not a real key")}},
		"name":           {Type: bonded.Claim, Time: when, Name: left},
		"name-display":   {Type: bonded.Claim, Time: when, Name: flask},
		"owners":         {Type: bonded.Owners, Time: when, Name: tools, Doc: dig("owners"), Count: 2},
		"owners-none":    {Type: bonded.Owners, Time: when, Name: tools, Doc: dig("nobody")},
		"policy":         {Type: bonded.Policy, Time: when, Name: tools, Doc: dig("policy")},
		"override":       {Type: bonded.Override, Time: when, Doc: dig("why")},
		"release":        {Type: bonded.Publish, Time: when, Name: left, Version: "1.0.0", File: "left-pad-1.0.0.tgz", Digest: dig("bytes"), Size: 20480, Meta: dig("meta")},
		"release-signed": {Type: bonded.Publish, Time: when, Name: tools, Version: "1.0.0-rc.1+build.5", File: "tools-1.0.0-rc.1.tgz", Digest: dig("bytes"), Size: 0, Meta: dig("meta"), Sig: bonded.Signature{KeyID: "SHA256:abc", Bytes: []byte{0x30, 1, 2}}},
		"tag":            {Type: bonded.SetTag, Time: when, Name: left, Tag: "latest", Version: "1.0.0"},
		"untag":          {Type: bonded.DropTag, Time: when, Name: left, Tag: "next"},
		"yank":           {Type: bonded.Yank, Time: when, Name: left, Version: "1.0.0"},
		"yank-reason":    {Type: bonded.Yank, Time: when, Name: left, Version: "1.0.0", Doc: dig("broken")},
		"unyank":         {Type: bonded.Unyank, Time: when, Name: left, Version: "1.0.0"},
		"deprecate":      {Type: bonded.Deprecate, Time: when, Name: left, Version: "1.0.0", Doc: dig("use padStart")},
		"undeprecate":    {Type: bonded.Undeprecate, Time: when, Name: left, Version: "1.0.0"},
		"status":         {Type: bonded.Status, Time: when, Name: flask, Status: "archived"},
		"status-reason":  {Type: bonded.Status, Time: when, Name: flask, Status: "quarantined", Doc: dig("reason")},
		"remove":         {Type: bonded.Remove, Time: when, Name: left, Version: "1.0.0", File: "left-pad-1.0.0.tgz"},
		"seal":           {Type: bonded.Seal, Leaves: 41, Root: dig("map"), Bins: 5, Rules: bonded.RulesVersion},
		"seal-one-bin":   {Type: bonded.Seal, Leaves: 1, Root: dig("map"), Rules: bonded.RulesVersion},
	}
}

// asRead is what a reader gets for e: Display is Key but in a claim.
func asRead(e bonded.Entry) bonded.Entry {
	if e.Type != bonded.Claim {
		e.Name.Display = e.Name.Key
	}
	return e
}

func TestEntryVectors(t *testing.T) {
	var sums strings.Builder
	for _, name := range sorted(samples()) {
		e := samples()[name]
		b, err := e.Marshal()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		path := filepath.Join("testdata", "entries", name+".entry")
		if *update {
			write(t, path, b)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, want) {
			t.Errorf("%s: wrote\n%s\nthe vector is\n%s", name, b, want)
		}
		got, err := bonded.ParseEntry(want)
		if err != nil || !reflect.DeepEqual(got, asRead(e)) {
			t.Errorf("%s: read\n%+v, %v\nwant\n%+v", name, got, err, asRead(e))
		}
		leaf := tlog.RecordHash(want)
		sums.WriteString(hex.EncodeToString(leaf[:]) + "  " + name + ".entry\n")
	}
	// The leaf hashes, so that a second implementation can check its hashing too.
	path := filepath.Join("testdata", "entries", "leafhashes")
	if *update {
		write(t, path, []byte(sums.String()))
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != sums.String() {
		t.Errorf("leaf hashes are\n%s\n%v", sums.String(), err)
	}
	found, err := filepath.Glob(filepath.Join("testdata", "entries", "*.entry"))
	if err != nil || len(found) != len(samples()) {
		t.Errorf("%d vectors for %d samples, %v", len(found), len(samples()), err)
	}
}

// TestEveryTypeHasASample fails when a type is added without a vector. The list
// is read from the source, where the types are constants.
func TestEveryTypeHasASample(t *testing.T) {
	src, err := os.ReadFile("entry.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[bonded.EntryType]bool{}
	for _, e := range samples() {
		seen[e.Type] = true
	}
	n := 0
	for line := range strings.Lines(string(src)) {
		_, rest, ok := strings.Cut(line, "EntryType = \"")
		if !ok {
			continue
		}
		n++
		if typ, _, _ := strings.Cut(rest, `"`); !seen[bonded.EntryType(typ)] {
			t.Errorf("no sample of type %q", typ)
		}
	}
	if n != len(seen) {
		t.Errorf("%d types in entry.go, %d in the samples", n, len(seen))
	}
}

const validRelease = "bonded-log/v1 release\ntime 2026-03-14T15:09:26Z\npkg npm/left-pad\nver 1.0.0\nfile left-pad-1.0.0.tgz\n" +
	"sha256 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nsize 20480\nmeta 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

// TestParseRefuses makes one change to a valid entry; every change must be refused.
func TestParseRefuses(t *testing.T) {
	if _, err := bonded.ParseEntry([]byte(validRelease)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ what, old, new, want string }{
		{"other format", "bonded-log/v1", "bonded-log/v2", "not bonded-log/v1"},
		{"two blanks", "v1 release", "v1  release", "unknown type"},
		{"unknown type", "release", "releases", "unknown type"},
		{"no last newline", "uFU=\n$", "uFU=", "not bonded-log/v1"},
		{"empty line at end", "uFU=\n$", "uFU=\n\n", "does not belong"},
		{"carriage return", "release\n", "release\r\n", "unknown type"},
		{"carriage return in value", "1.0.0\n", "1.0.0\r\n", "U+000D"},
		{"missing line", "size 20480\n", "", `want line "size"`},
		{"line twice", "size 20480\n", "size 20480\nsize 20480\n", `want line "meta"`},
		{"lines swapped", "ver 1.0.0\nfile left-pad-1.0.0.tgz\n", "file left-pad-1.0.0.tgz\nver 1.0.0\n", `want line "ver"`},
		{"line of another type", "uFU=\n$", "uFU=\ntag latest\n", "does not belong"},
		{"no blank after key", "ver 1.0.0", "ver1.0.0", `want line "ver"`},
		{"two blanks after key", "ver 1.0.0", "ver  1.0.0", "starts or ends with a blank"},
		{"trailing blank", "1.0.0\n", "1.0.0 \n", "starts or ends with a blank"},
		{"empty value", "ver 1.0.0", "ver ", "empty"},
		{"blank in version", "ver 1.0.0", "ver 1.0 0", "blank"},
		{"blank in file", "left-pad-1.0.0.tgz", "left pad.tgz", "blank"},
		{"blank in package", "npm/left-pad", "npm/left pad", "blank"},
		{"tab", "ver 1.0.0", "ver 1\t0", "U+0009"},
		{"delete character", "ver 1.0.0", "ver 1\x7f0", "U+007F"},
		{"NUL", "ver 1.0.0", "ver 1\x000", "U+0000"},
		{"not UTF-8", "ver 1.0.0", "ver 1\xff", "U+FFFD"},
		{"letter beyond ASCII", "left-pad\n", "left-pаd\n", "U+0430"},
		{"no package", "npm/left-pad", "npm/", "empty"},
		{"no ecosystem", "npm/left-pad", "/left-pad", "not ecosystem/name"},
		{"ecosystem in capitals", "npm/left-pad", "NPM/left-pad", "not ecosystem/name"},
		{"no slash", "npm/left-pad", "left-pad", "not ecosystem/name"},
		{"zone", "26Z", "26+00:00", "not canonical"},
		{"other zone", "15:09:26Z", "16:09:26+01:00", "not canonical"},
		{"fraction", "26Z", "26.5Z", "not canonical"},
		{"no time", "2026-03-14T15:09:26Z", "yesterday", "not a time"},
		{"before 1970", "2026-", "1969-", "not a time"},
		{"negative size", "size 20480", "size -1", "not a count"},
		{"plus sign", "size 20480", "size +20480", "not canonical"},
		{"leading zero", "size 20480", "size 020480", "not canonical"},
		{"too large", "size 20480", "size 9223372036854775808", "not a count"},
		{"hex size", "size 20480", "size 0x5000", "not a count"},
		{"short digest", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==", "not the base64"},
		{"digest without padding", "uFU=\nsize", "uFU\nsize", "not the base64"},
		{"digest with loose bits", "uFU=\nsize", "uFV=\nsize", "not the base64"},
		{"digest in url alphabet", "HBSa+/TIm", "HBSa-_TIm", "not the base64"},
		{"digest of zeros", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nsize", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nsize", "not canonical"},
		{"signature without bytes", "uFU=\n$", "uFU=\nsig SHA256:x\n", "not key id and signature"},
		{"signature with a third word", "uFU=\n$", "uFU=\nsig SHA256:x AAAA AAAA\n", "illegal base64"},
		{"signature with loose bits", "uFU=\n$", "uFU=\nsig SHA256:x AB==\n", "illegal base64"},
		{"too long", "1.0.0\n", strings.Repeat("1", bonded.MaxEntry) + "\n", "more than"},
	} {
		t.Run(c.what, func(t *testing.T) {
			old, atEnd := strings.CutSuffix(c.old, "$")
			i := strings.Index(validRelease, old)
			if atEnd {
				i = strings.LastIndex(validRelease, old)
			}
			if i < 0 {
				t.Fatalf("%q is not in the entry", c.old)
			}
			_, err := bonded.ParseEntry([]byte(validRelease[:i] + c.new + validRelease[i+len(old):]))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %q", err, c.want)
			}
		})
	}
}

// TestParseRefusesOtherTypes covers the lines that a release does not have.
func TestParseRefusesOtherTypes(t *testing.T) {
	for text, want := range map[string]string{
		"genesis\ntime 2026-03-14T15:09:26Z\norigin a+b\n":                "plus sign",
		"site\ntime 2026-03-14T15:09:26Z\nurl https://packages.example\n": "slash at its end",
		"site\ntime 2026-03-14T15:09:26Z\nurl ftp://packages.example/\n":  "http URL",
		"status\ntime 2026-03-14T15:09:26Z\npkg pypi/a\nstatus gone\n":    "PEP 792",
		"key\ntime 2026-03-14T15:09:26Z\nkey npm SHA256:x\n":              "not ecosystem, id, key",
		"key\ntime 2026-03-14T15:09:26Z\nkey npm SHA256:x AAAA AAAA\n":    "not ecosystem, id, key",
		"key\ntime 2026-03-14T15:09:26Z\nkey NPM SHA256:x AAAA\n":         "not ecosystem, id, key",
		"tag\ntime 2026-03-14T15:09:26Z\npkg npm/a\ntag la test\nver 1\n": "blank",
		"seal\nleaves 1\nroot x\nbins 0\nrules p1\n":                      "not the base64",
		"seal\ntime 2026-03-14T15:09:26Z\nleaves 1\n":                     `want line "leaves"`,
		"yank\ntime 2026-03-14T15:09:26Z\npkg npm/a\nver 1\ndoc \n":       "empty",
		"deprecate\ntime 2026-03-14T15:09:26Z\npkg npm/a\nver 1\n":        `"doc" is missing`,
		"x-\n":        "unknown type",
		"x-A\n":       "unknown type",
		"x-a b\n":     "unknown type",
		"\n":          "unknown type",
		"x\n":         "unknown type",
		"":            "not bonded-log/v1",
		"release\n\n": `want line "time"`,
	} {
		if _, err := bonded.ParseEntry([]byte("bonded-log/v1 " + text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want something about %q", text, err, want)
		}
	}
}

func TestExperimentalTypesAreIgnored(t *testing.T) {
	for _, text := range []string{"x-colour\n", "x-colour\nanything goes\n\x00\xff\n\n"} {
		if _, err := bonded.ParseEntry([]byte("bonded-log/v1 " + text)); !errors.Is(err, bonded.ErrIgnored) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestMarshalRefuses holds that nothing is written that a reader would read
// differently: what is folded from memory and from the log must be the same.
func TestMarshalRefuses(t *testing.T) {
	change := func(name string, do func(*bonded.Entry)) bonded.Entry {
		e := samples()[name]
		do(&e)
		return e
	}
	for what, c := range map[string]struct {
		e    bonded.Entry
		want string
	}{
		"no type":             {bonded.Entry{}, "unknown type"},
		"experimental type":   {bonded.Entry{Type: "x-colour"}, "unknown type"},
		"fraction of second":  {change("yank", func(e *bonded.Entry) { e.Time = e.Time.Add(time.Millisecond) }), "Time"},
		"other zone":          {change("yank", func(e *bonded.Entry) { e.Time = e.Time.In(time.FixedZone("", 3600)) }), "Time"},
		"no time":             {change("yank", func(e *bonded.Entry) { e.Time = time.Time{} }), "since 1970"},
		"year 10000":          {change("yank", func(e *bonded.Entry) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }), "not a time"},
		"slash in ecosystem":  {change("yank", func(e *bonded.Entry) { e.Name = bonded.Name{Ecosystem: "npm/@acme", Key: "tools"} }), "Name"},
		"blank in key":        {change("yank", func(e *bonded.Entry) { e.Name.Key = "a b" }), "blank"},
		"line in version":     {change("yank", func(e *bonded.Entry) { e.Version = "1\nver 2" }), "U+000A"},
		"no version":          {change("yank", func(e *bonded.Entry) { e.Version = "" }), "empty"},
		"no digest":           {change("release", func(e *bonded.Entry) { e.Digest = bonded.Digest{} }), "empty"},
		"negative size":       {change("release", func(e *bonded.Entry) { e.Size = -1 }), "not a count"},
		"negative count":      {change("owners", func(e *bonded.Entry) { e.Count = -1 }), "not a count"},
		"too many leaves":     {change("seal", func(e *bonded.Entry) { e.Leaves = 1 << 63 }), "not a count"},
		"file in a yank":      {change("yank", func(e *bonded.Entry) { e.File = "a.tgz" }), "File"},
		"tag in a release":    {change("release", func(e *bonded.Entry) { e.Tag = "latest" }), "Tag"},
		"key id with a blank": {change("release-signed", func(e *bonded.Entry) { e.Sig.KeyID = "a b" }), "illegal base64"},
		"signature, no key":   {change("release-signed", func(e *bonded.Entry) { e.Sig.KeyID = "" }), "Sig"},
		"key, no signature":   {change("release-signed", func(e *bonded.Entry) { e.Sig.Bytes = nil }), "blank"},
		"too long":            {change("key", func(e *bonded.Entry) { e.Key.Public = make([]byte, bonded.MaxEntry) }), "more than"},
	} {
		if b, err := c.e.Marshal(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want something about %q\n%s", what, err, c.want, b)
		}
	}
}

func TestCheckWord(t *testing.T) {
	for _, good := range []string{"a", "1.0.0-rc.1+x", "@acme/tools", "~!#$%^&*()"} {
		if err := bonded.CheckWord(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", " ", "a b", " a", "a ", "é", "a\n", "\x7f"} {
		if bonded.CheckWord(bad) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

// FuzzParseEntry holds that whatever is read is written again byte for byte.
func FuzzParseEntry(f *testing.F) {
	for _, e := range samples() {
		b, err := e.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("bonded-log/v1 x-colour\nred\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := bonded.ParseEntry(b)
		if err != nil {
			return
		}
		again, err := e.Marshal()
		if err != nil {
			t.Fatalf("read and not written: %v\n%q", err, b)
		}
		if !bytes.Equal(again, b) {
			t.Fatalf("read %q, wrote %q", b, again)
		}
	})
}
