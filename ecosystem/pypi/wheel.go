package pypi

import (
	"strings"

	"bonded.dev"
	"bonded.dev/internal/archive"
)

// inside is where a distribution keeps what it says of itself.
type inside struct {
	path string // of METADATA or PKG-INFO
	text []byte // its bytes; nil: not found
}

const (
	distInfo    = ".dist-info"
	entryPoints = "entry_points.txt"
)

// wheelWants asks for the files that describe a wheel.
func wheelWants(path string) bool {
	dir, file, ok := strings.Cut(path, "/")
	return ok && isDistInfo(dir) && (file == "METADATA" || file == "WHEEL" || file == "RECORD" || file == entryPoints)
}

// isDistInfo folds case: on some file systems foo.DIST-INFO is the directory.
func isDistInfo(dir string) bool { return strings.HasSuffix(strings.ToLower(dir), distInfo) }

// lookInWheel finds METADATA and holds the wheel to the binary distribution
// format: one .dist-info directory, named like the file, with WHEEL and RECORD;
// a .data directory, if there is one, of the same name.
//
// pip wants exactly one .dist-info directory, others take the one that fits
// the file name: with two of them each installs something else.
func lookInWheel(f distFile, inv *archive.Inventory, found *findings) inside {
	dir := chooseDistInfo(f, inv, found)
	in := inside{path: dir + "/METADATA"}
	if dir == "" {
		return in
	}
	in.text = inv.Wanted[in.path]
	if !named(dir[:len(dir)-len(distInfo)], f.key, f.version) {
		found.add(bonded.Mismatch, "dist-info", dir, "the directory is not named like the wheel %s", f)
	}
	if text, ok := inv.Wanted[dir+"/WHEEL"]; ok {
		checkWheelFile(text, dir+"/WHEEL", found)
	} else {
		found.add(bonded.Shape, "wheel-file", dir, "the wheel has no WHEEL file")
	}
	checkOverlays(inv.Entries, found)
	checkScripts(inv.Wanted[dir+"/"+entryPoints], dir+"/"+entryPoints, found)
	if text, ok := inv.Wanted[dir+"/RECORD"]; ok {
		checkRecord(text, dir+"/RECORD", inv.Entries, found)
	} else {
		found.add(bonded.Shape, "record-missing", dir, "the wheel has no RECORD")
	}
	return in
}

func chooseDistInfo(f distFile, inv *archive.Inventory, found *findings) (chosen string) {
	seen := map[string]bool{}
	for i := range inv.Entries {
		dir, _, _ := strings.Cut(inv.Entries[i].Path, "/")
		if seen[dir] {
			continue
		}
		seen[dir] = true
		stem, isData := strings.CutSuffix(strings.ToLower(dir), ".data")
		if isData && !named(stem, f.key, f.version) {
			found.add(bonded.Shape, "data-directory", dir, "some installers spread it and others copy it, for it is not named like the wheel")
		}
		if !isDistInfo(dir) {
			continue
		}
		if chosen != "" {
			found.add(bonded.Shape, "dist-info", dir, "a second .dist-info directory beside %s", show(chosen))
		}
		if chosen == "" || named(dir[:len(dir)-len(distInfo)], f.key, f.version) {
			chosen = dir
		}
	}
	return chosen
}

// checkOverlays wants every installed file to come from one place. What lies in
// purelib or platlib of the .data directory is installed beside the rest of
// the wheel, and afterwards: it can replace a file that everybody has looked
// at, METADATA before all, or put the .dist-info of another project there.
func checkOverlays(entries []archive.Entry, found *findings) {
	from := map[string]string{} // path when installed, folded -> path in the wheel
	for i := range entries {
		if entries[i].Type != archive.File {
			continue
		}
		path := entries[i].Path
		installed := strings.ToLower(path)
		if data, rest, ok := strings.Cut(installed, "/"); ok && strings.HasSuffix(data, ".data") {
			scheme, below, _ := strings.Cut(rest, "/")
			if scheme != "purelib" && scheme != "platlib" {
				continue
			}
			installed = below
			if top, _, _ := strings.Cut(below, "/"); isDistInfo(top) {
				found.add(bonded.Shape, "dist-info", path, "installing makes it a second .dist-info directory or replaces the first")
			}
		}
		if other, ok := from[installed]; ok {
			found.add(bonded.Shape, "data-directory", path, "it is installed in the place of %s", show(other))
		}
		from[installed] = path
	}
}

// checkWheelFile wants what every installer asks of WHEEL first.
func checkWheelFile(text []byte, path string, found *findings) {
	m := parseMessage(text, path, found)
	if major, _, ok := strings.Cut(m.get("wheel-version"), "."); !ok || major != "1" || len(m.all("wheel-version")) != 1 {
		found.add(bonded.Shape, "wheel-file", path, "Wheel-Version is \"%s\"; installers know 1.x", show(strings.Join(m.all("wheel-version"), ", ")))
	}
	if pure := m.all("root-is-purelib"); len(pure) != 1 {
		found.add(bonded.Shape, "wheel-file", path, "Root-Is-Purelib stands there %d times", len(pure))
	}
}

// checkScripts wants entry points that become commands to have names that stay
// in the directory of commands: installers join the two (entry points
// specification, "File format").
func checkScripts(text []byte, path string, found *findings) {
	scripts := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if section, ok := strings.CutPrefix(line, "["); ok {
			scripts = strings.HasPrefix(section, "console_scripts") || strings.HasPrefix(section, "gui_scripts")
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !scripts || !ok || line[0] == '#' || line[0] == ';' {
			continue
		}
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\:`) || strings.ContainsFunc(name, breaksLine) {
			found.add(bonded.Shape, "entry-point", path, "the command \"%s\" leads out of the directory of commands", show(name))
		}
	}
}
