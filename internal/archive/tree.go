package archive

import (
	"path"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// tree is the extracted archive as the worst file system would see it: nodes
// are keyed by their folded path.
type tree struct {
	nodes   map[string]node
	implied int // directories that have no entry of their own
	last    string
}

// node is what stands at one folded path.
type node struct {
	path  string // as first spelt
	dir   bool
	entry int // index of its entry, -1 for an implied directory
}

// add places entry i of the inventory.
func (t *tree) add(w *walk, i int) error {
	e := &w.inv.Entries[i]
	key := fold(e.Path)
	if err := t.addParents(w, e.Path, key); err != nil {
		return err
	}
	old, taken := t.nodes[key]
	isDir := e.Type == Dir
	switch {
	case !taken:
		t.nodes[key] = node{e.Path, isDir, i}
	case old.path != e.Path && (!isDir || !old.dir):
		t.collide(w, old.path, e.Path)
	case isDir != old.dir:
		w.note(TypeConflict, e.Path, "both a directory and not one")
	case !isDir, w.inv.Kind == Zip && old.entry >= 0 && old.path == e.Path:
		w.note(DuplicateEntry, e.Path, "")
		t.nodes[key] = node{e.Path, isDir, i}
	case old.entry < 0:
		// A directory that its files implied before, or for tar one that is
		// named again, which only sets its mode: no reader can be misled.
		// Directories that differ in case are merged where case is ignored,
		// and their files are told apart above.
		t.nodes[key] = node{e.Path, true, i}
	}
	return nil
}

// addParents makes sure that every directory above a path is one.
func (t *tree) addParents(w *walk, name, key string) error {
	end := strings.LastIndexByte(key, '/')
	if end < 0 || key[:end] == t.last {
		return nil
	}
	t.last = key[:end]
	for ; end > 0; end = strings.LastIndexByte(key[:end], '/') {
		parent := firstSegments(name, strings.Count(key[:end], "/")+1)
		old, taken := t.nodes[key[:end]]
		if !taken {
			if t.implied++; t.implied > w.limits.Entries {
				return w.stop(TooManyEntries, name, "more than %d directories", w.limits.Entries)
			}
			t.nodes[key[:end]] = node{parent, true, -1}
			continue
		}
		switch {
		case old.dir: // and so are those above it
		case w.inv.Entries[old.entry].Type == Symlink:
			w.note(ThroughLink, name, "%s is a symbolic link", quoted(old.path))
		case old.path != parent:
			t.collide(w, old.path, parent)
		default:
			w.note(TypeConflict, parent, "a file that is used as a directory")
		}
		if !old.dir {
			t.last = ""
		}
		return nil
	}
	return nil
}

// firstSegments is the path up to its n-th slash.
func firstSegments(name string, n int) string {
	for i := 0; i < len(name); i++ {
		if name[i] == '/' {
			if n--; n == 0 {
				return name[:i]
			}
		}
	}
	return name
}

// collide notes that two different names are one file somewhere.
func (t *tree) collide(w *walk, a, b string) {
	rule := CaseCollision
	if norm.NFC.String(a) == norm.NFC.String(b) {
		rule = UnicodeCollision
	}
	w.note(rule, b, "like %s", quoted(a))
}

// hardLink settles a hard link once it is admitted: its target must be a
// regular file that came before. A later one makes the result depend on the
// order of extraction, and one outside reads or changes a file of the host.
func (t *tree) hardLink(w *walk, e *Entry) {
	n, ok := t.nodes[fold(e.Link)]
	switch {
	case path.IsAbs(e.Link) || hasDrive(e.Link) || climbs(e.Link):
		w.note(LinkEscapes, e.Path, "hard link to %s", quoted(e.Link))
	case !ok || n.path != e.Link || n.entry < 0 || w.inv.Entries[n.entry].Type != File:
		w.note(HardLink, e.Path, "%s is no earlier file of the archive", quoted(e.Link))
	default:
		e.Size, e.SHA256 = w.inv.Entries[n.entry].Size, w.inv.Entries[n.entry].SHA256
	}
}

func climbs(p string) bool {
	p = path.Clean(p)
	return p == ".." || strings.HasPrefix(p, "../")
}

// Bounds on following links. What needs more is no link of an honest archive.
const (
	linkSteps    = 255
	linkStepsAll = 1 << 18
)

// resolveLinks follows every symbolic link through the finished tree, as a
// kernel would: a target may be inside when read as text and outside when one
// of its segments is a link itself.
func (t *tree) resolveLinks(w *walk) {
	budget := linkStepsAll
	for i := range w.inv.Entries {
		e := &w.inv.Entries[i]
		if e.Type != Symlink {
			continue
		}
		w.checkTarget(e)
		if t.escapes(w, e, &budget) {
			w.note(LinkEscapes, e.Path, "symbolic link to %s", quoted(e.Link))
		}
	}
}

// checkTarget notes targets that systems read differently.
func (w *walk) checkTarget(e *Entry) {
	if strings.IndexByte(e.Link, '\\') >= 0 {
		w.note(BackslashPath, e.Path, "link to %s", quoted(e.Link))
	}
	if strings.IndexFunc(e.Link, deceives) >= 0 {
		w.note(ControlChar, e.Path, "link to %s", quoted(e.Link))
	}
}

// escapes reports whether following a link leaves the archive's root. A loop,
// or more steps than anybody needs, counts as an escape.
func (t *tree) escapes(w *walk, e *Entry, budget *int) bool {
	at := strings.Split(path.Dir(e.Path), "/")
	if at[0] == "." || at[0] == "" {
		at = at[1:]
	}
	todo := []string{e.Link}
	for steps := 0; len(todo) > 0; steps++ {
		if *budget--; *budget < 0 || steps > linkSteps {
			return true
		}
		rest := todo[len(todo)-1]
		if strings.HasPrefix(rest, "/") || hasDrive(rest) {
			return true
		}
		seg, rest, more := strings.Cut(rest, "/")
		if todo = todo[:len(todo)-1]; more {
			todo = append(todo, strings.TrimLeft(rest, "/"))
		}
		switch seg {
		case "", ".":
		case "..":
			if len(at) == 0 {
				return true
			}
			at = at[:len(at)-1]
		default:
			at = append(at, seg)
			n, ok := t.nodes[fold(strings.Join(at, "/"))]
			if ok && n.entry >= 0 && w.inv.Entries[n.entry].Type == Symlink {
				at = at[:len(at)-1]
				todo = append(todo, w.inv.Entries[n.entry].Link)
			}
		}
	}
	return false
}
