package archive

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	at "bonded.dev/internal/archive/archivetest"
)

// These tests hold what we accept against the readers that clients install
// with: thousands of mutated archives, of which each that raises nothing here
// must be the same archive to them.

// mutants is how many archives are mutated. BONDED_ARCHIVE_MUTANTS asks for
// more, for a longer search.
func mutants(t *testing.T) int {
	n, err := strconv.Atoi(cmp.Or(os.Getenv("BONDED_ARCHIVE_MUTANTS"), "4000"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// accepted returns listings of the mutations that raise no anomaly, by the file
// that each was written to, below dir.
func accepted(t *testing.T, dir string, kind Kind, archives [][]byte) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	seen := map[string]bool{}
	for i, b := range archives {
		inv := read(t, b, kind, small)
		// Without entries, node-tar calls it no archive.
		if len(inv.Anomalies) > 0 || len(inv.Entries) == 0 || seen[string(b)] {
			continue
		}
		seen[string(b)] = true
		name := filepath.Join(dir, fmt.Sprintf("%05d", i))
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		out[name] = listing(inv)
	}
	if len(out) < 100 {
		t.Errorf("only %d of %d mutations raise nothing: they test little", len(out), len(archives))
	}
	return out
}

func mutatedTars(n int) [][]byte {
	var seeds [][]byte
	for _, entries := range shapes() {
		seeds = append(seeds, at.Tar(entries...))
	}
	out := mutations(n, seeds, resum)
	for i := range out {
		out[i] = storedGzip(out[i])
	}
	return out
}

func mutatedZips(n int) [][]byte {
	var seeds [][]byte
	for _, entries := range shapes()[1:] {
		for i := range entries {
			entries[i].Name = strings.TrimSuffix(entries[i].Name, "/")
		}
		p := at.ZipParts(entries...)
		seeds = append(seeds, p.Join(""), p.Join("comment"))
	}
	seeds = append(seeds,
		at.Zip(at.Entry{Name: "a", Body: "x", Descriptor: true}, at.Entry{Name: "\u00e9", Body: "yy", Store: true}),
		at.Zip(at.Dir("d"), at.Entry{Name: "d/z", Body: "xyz", Store: true, LocalExtra: at.Zip64Extra(3, 3), CentralExtra: at.UnicodePath("d/z", "d/z")}))
	return mutations(n, seeds, func(b []byte) []byte { return b })
}

// reference runs a script of another reader over the accepted archives. The
// script prints, for each file, one line of JSON: its name and its entries as
// [path, type, link, size, first 16 hex digits of the SHA-256].
func reference(t *testing.T, who string, ours map[string][]string, command ...string) {
	t.Helper()
	names := slices.Sorted(func(yield func(string) bool) {
		for n := range ours {
			if !yield(n) {
				return
			}
		}
	})
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(strings.Join(names, "\n"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", who, err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(names) {
		t.Fatalf("%s: %d answers about %d archives", who, len(lines), len(names))
	}
	for _, l := range lines {
		var answer struct {
			File    string
			Error   string
			Entries []struct {
				Path, Type, Link, SHA string
				Size                  int64
			}
		}
		if err := json.Unmarshal([]byte(l), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Error != "" {
			t.Errorf("%s: %s: %s; we: %v", who, answer.File, answer.Error, ours[answer.File])
			continue
		}
		var theirs []string
		for _, e := range answer.Entries {
			switch e.Type {
			case "file":
				theirs = append(theirs, fmt.Sprintf("%q file %d %s", e.Path, e.Size, e.SHA))
			case "dir":
				theirs = append(theirs, fmt.Sprintf("%q dir", e.Path))
			default:
				theirs = append(theirs, fmt.Sprintf("%q %s %q", e.Path, e.Type, e.Link))
			}
		}
		same(t, who, ours[answer.File], theirs)
	}
	t.Logf("%s reads %d archives as we do", who, len(names))
}

// python is the harness of the two Python readers; %s is a function entries(f)
// that yields (path, type, link, content).
const python = `
import sys, json, hashlib
%s
for f in sys.stdin.read().split("\n"):
    got = {"File": f, "Entries": []}
    try:
        for path, typ, link, b in entries(f):
            got["Entries"].append({"Path": path, "Type": typ, "Link": link, "Size": len(b), "SHA": hashlib.sha256(b).hexdigest()[:16]})
    except Exception as e:
        got["Error"] = repr(e)
    print(json.dumps(got))
`

const tarfileEntries = `
import tarfile
def entries(f):
    with tarfile.open(f, "r:gz") as t:
        for m in t:
            if m.isreg(): yield m.name, "file", "", t.extractfile(m).read()
            elif m.isdir(): yield m.name, "dir", "", b""
            elif m.issym() or m.islnk(): yield m.name, "link", m.linkname, b""
            else: yield m.name, "other", "", b""
`

const zipfileEntries = `
import zipfile
def entries(f):
    with zipfile.ZipFile(f) as z:
        for m in z.infolist():
            if m.is_dir(): yield m.filename[:-1], "dir", "", z.read(m)
            else: yield m.filename, "file", "", z.read(m)
`

// nodeTar reads with the tar module that npm bundles; argv[1] is its folder.
const nodeTar = `
const tar = require(process.argv[1]), fs = require("fs"), crypto = require("crypto")
for (const f of fs.readFileSync(0, "utf8").split("\n")) {
  const got = { File: f, Entries: [] }
  try {
    tar.t({ file: f, sync: true, strict: true, onReadEntry: e => {
      const chunks = []
      e.on("data", c => chunks.push(c))
      e.on("end", () => {
        const b = Buffer.concat(chunks)
        const type = { File: "file", OldFile: "file", Directory: "dir", Link: "link", SymbolicLink: "link" }[e.type] || "other"
        got.Entries.push({ Path: e.path.replace(/\/$/, ""), Type: type, Link: e.linkpath || "", Size: b.length,
          SHA: crypto.createHash("sha256").update(b).digest("hex").slice(0, 16) })
      })
    } })
  } catch (err) { got.Error = String(err) }
  console.log(JSON.stringify(got))
}
`

func TestLikePython(t *testing.T) {
	exe, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed; apt-get install python3")
	}
	for _, tt := range []struct {
		name, entries string
		kind          Kind
		archives      [][]byte
	}{
		{"tarfile", tarfileEntries, TarGz, mutatedTars(mutants(t))},
		{"zipfile", zipfileEntries, Zip, mutatedZips(mutants(t))},
	} {
		reference(t, tt.name, accepted(t, t.TempDir(), tt.kind, tt.archives), exe, "-c", fmt.Sprintf(python, tt.entries))
	}
}

func TestLikeNodeTar(t *testing.T) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed; apt-get install npm")
	}
	root, err := exec.Command(npm, "root", "-g").Output()
	module := filepath.Join(strings.TrimSpace(string(root)), "npm", "node_modules", "tar")
	if _, statErr := os.Stat(module); err != nil || statErr != nil {
		t.Skipf("npm bundles no tar module at %s; install npm from its own package", module)
	}
	reference(t, "node-tar", accepted(t, t.TempDir(), TarGz, mutatedTars(mutants(t))), "node", "-e", nodeTar, module)
}
