package archive

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// checkPath notes what is wrong with an entry's path, each rule once, and
// stops at the bounds.
func (w *walk) checkPath(path string) error {
	if len(path) > w.limits.NameLength {
		return w.stop(NameTooLong, path, "%d bytes, %d are allowed", len(path), w.limits.NameLength)
	}
	if depth := strings.Count(path, "/") + 1; depth > w.limits.Depth {
		return w.stop(TooDeep, path, "%d segments, %d are allowed", depth, w.limits.Depth)
	}
	if path == "" {
		w.note(EmptyPath, "", "an entry without a name")
		return nil
	}
	if path[0] == '/' {
		w.note(AbsolutePath, path, "")
	}
	if strings.IndexByte(path, '\\') >= 0 {
		w.note(BackslashPath, path, "")
	}
	w.checkLetters(path)
	w.checkSegments(path)
	return nil
}

func (w *walk) checkLetters(path string) {
	if !utf8.ValidString(path) {
		w.note(NameEncoding, path, "not UTF-8")
		return
	}
	for _, r := range path {
		if deceives(r) {
			w.note(ControlChar, path, "%U", r)
			return
		}
	}
}

// deceives reports control characters, and the bidirectional marks that make
// a name look like another one.
func deceives(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 ||
		r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

func (w *walk) checkSegments(path string) {
	var up, dot, drive bool
	for rest, more := path, true; more; {
		var seg string
		seg, rest, more = strings.Cut(rest, "/")
		up = up || seg == ".."
		// The empty segment before a leading slash is noted as absolute.
		dot = dot || seg == "." || seg == "" && len(rest) != len(path)-1
		drive = drive || hasDrive(seg)
	}
	if up {
		w.note(PathTraversal, path, "")
	}
	if dot {
		w.note(DotSegment, path, "")
	}
	if drive {
		// Not only at the front: an installer that strips the first segment
		// and then finds C:/ has an absolute path (node-tar, 2021).
		w.note(AbsolutePath, path, "a drive letter")
	}
}

func hasDrive(s string) bool {
	return len(s) >= 2 && s[1] == ':' && (s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z')
}

// fold maps paths that one file system or another takes for the same to one
// key: composed and decomposed letters (HFS+, APFS), large and small ones
// (those and NTFS), and segments with dots or spaces at the end (Windows).
// Slashes stay where they are.
func fold(path string) string {
	ascii, same := true, true
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c >= utf8.RuneSelf {
			ascii = false
			break
		}
		ends := i+1 == len(path) || path[i+1] == '/'
		if c >= 'A' && c <= 'Z' || ends && (c == '.' || c == ' ') {
			same = false
		}
	}
	if ascii && same {
		return path
	}
	if !ascii {
		path = norm.NFC.String(path)
	}
	// Upper case and back meets all of a letter's forms (the long s, the Kelvin sign).
	path = strings.ToLower(strings.ToUpper(path))
	if !strings.Contains(path+"/", "./") && !strings.Contains(path+"/", " /") {
		return path
	}
	segs := strings.Split(path, "/")
	for i := range segs {
		segs[i] = strings.TrimRight(segs[i], ". ")
	}
	return strings.Join(segs, "/")
}
