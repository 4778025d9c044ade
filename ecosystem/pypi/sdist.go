package pypi

import (
	"strings"

	"bonded.dev"
	"bonded.dev/internal/archive"
)

// sdistWants asks for the file that describes a source distribution.
func sdistWants(path string) bool {
	_, file, ok := strings.Cut(path, "/")
	return ok && file == "PKG-INFO"
}

// lookInSdist finds PKG-INFO and holds the archive to the source distribution
// format: one top-level directory, named like the file. PKG-INFO files deeper
// down (setuptools writes one into NAME.egg-info) count for nobody.
//
// Where several readers of old archives agree we do too: the directory may be
// in any spelling that normalises, and pyproject.toml may be missing.
func lookInSdist(f distFile, inv *archive.Inventory, found *findings) inside {
	chosen := ""
	seen := map[string]bool{}
	for i := range inv.Entries {
		dir, _, below := strings.Cut(inv.Entries[i].Path, "/")
		if seen[dir] {
			continue
		}
		seen[dir] = true
		if chosen != "" {
			found.add(bonded.Shape, "top-level", dir, "it lies beside %s; a source distribution has one top-level directory", show(chosen))
		}
		if chosen == "" || named(dir, f.key, f.version) {
			chosen = dir
		}
		if !below && inv.Entries[i].Type != archive.Dir {
			found.add(bonded.Shape, "top-level", dir, "it lies outside the top-level directory")
		}
	}
	in := inside{path: chosen + "/PKG-INFO"}
	in.text = inv.Wanted[in.path]
	if chosen != "" && !named(chosen, f.key, f.version) {
		found.add(bonded.Mismatch, "top-level", chosen, "the directory is not named like the source distribution %s", f)
	}
	return in
}
