package publish

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bonded.dev"
	"bonded.dev/ecosystem"

	"github.com/aymanbagabas/go-udiff"
	"github.com/go-json-experiment/json/jsontext"
)

// lineChanges are the lines that went and came, in the order of the file.
func lineChanges(before, after string) (out []LineChange) {
	unified, err := udiff.ToUnifiedDiff("", "", before, udiff.Lines(before, after), 0)
	if err != nil { // edits that do not fit their text; both sides tell everything
		unified = udiff.UnifiedDiff{Hunks: []*udiff.Hunk{{Lines: append(whole(udiff.Delete, before), whole(udiff.Insert, after)...)}}}
	}
	for _, hunk := range unified.Hunks {
		for _, l := range hunk.Lines {
			switch l.Kind {
			case udiff.Delete:
				out = append(out, LineChange{Sign: "-", Text: shownLine(l.Content)})
			case udiff.Insert:
				out = append(out, LineChange{Sign: "+", Text: shownLine(l.Content)})
			}
		}
	}
	return out
}

func whole(kind udiff.OpKind, text string) (lines []udiff.Line) {
	for l := range strings.Lines(text) {
		lines = append(lines, udiff.Line{Kind: kind, Content: l})
	}
	return lines
}

// shownLine cuts a line, and writes out what would hide a part of it.
func shownLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	if len(s) > reviewLine {
		cut := strings.ToValidUTF8(s[:reviewLine], "")
		return shown(cut) + fmt.Sprintf(" ... %d more bytes", len(s)-len(cut))
	}
	return shown(s)
}

// shown writes out characters that a terminal obeys or that change the order in
// which a line is read, so that what is approved is what is seen.
func shown(s string) string {
	if _, odd := ecosystem.Obeyed(s); !odd && !strings.Contains(s, "\r") {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if _, odd := ecosystem.Obeyed(string(r)); odd {
			fmt.Fprintf(&b, "<U+%04X>", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// facts lists how the metadata that was extracted from a file differs from that
// of its counterpart, one value a line.
func (v *reviewer) facts(ctx context.Context, docs [][]byte, f *bonded.Entry, old *bonded.File) error {
	is, was := map[string]bool{}, map[string]bool{}
	for _, doc := range docs {
		if bonded.DigestOf(doc) == f.Meta {
			is = values(doc)
		}
	}
	if old != nil {
		doc, err := v.desk.docs(ctx).Doc(old.Meta)
		if kind, _, _ := bonded.Explain(err); err != nil && kind != bonded.NotFound {
			return err
		}
		was = values(doc)
	}
	var out []LineChange
	for line := range union(was, is) {
		if was[line] != is[line] {
			sign := map[bool]string{true: "+", false: "-"}[is[line]]
			out = append(out, LineChange{Sign: sign, Text: shownLine(line), Loud: loud(line)})
		}
	}
	slices.SortFunc(out, func(a, b LineChange) int {
		if a.Loud != b.Loud {
			return map[bool]int{true: -1, false: 1}[a.Loud]
		}
		return strings.Compare(a.Text+b.Sign, b.Text+a.Sign)
	})
	room := max(0, min(len(out), reviewLines, v.lines))
	v.lines -= room
	v.review.Facts = append(v.review.Facts, out[:room]...)
	v.review.MoreFacts += len(out) - room
	return nil
}

// values writes every value of a JSON document with its path, or the lines of
// any other text. A list's values stand without their place, so that one more in
// the middle is one more line.
func values(doc []byte) map[string]bool {
	out := map[string]bool{}
	dec := jsontext.NewDecoder(strings.NewReader(string(doc)), jsontext.AllowInvalidUTF8(true))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			break
		}
		kind, length := dec.StackIndex(dec.StackDepth())
		name := kind == '{' && length%2 == 1
		if k := token.Kind(); name || k == '{' || k == '[' || k == '}' || k == ']' {
			continue
		}
		out[path(dec)+": "+token.String()] = true
	}
	if len(out) == 0 {
		for l := range strings.Lines(string(doc)) {
			out[l] = true
		}
	}
	return out
}

// path is where a decoder stands: names, joined by dots.
func path(dec *jsontext.Decoder) string {
	var names []string
	for token := range dec.StackPointer().Tokens() {
		if _, err := strconv.Atoi(token); err != nil {
			names = append(names, token)
		}
	}
	return strings.Join(names, ".")
}

// loudWords are names, or parts of them, below which metadata says what runs or
// what else is installed, in whatever dialect.
var loudWords = []string{"scripts", "depend", "require", "entry_point", "entry-point", "bin", "directoriesbin", "gyp", "shrinkwrap"}

func loud(line string) bool {
	where, _, _ := strings.Cut(strings.ToLower(line), ": ")
	for name := range strings.SplitSeq(where, ".") {
		if slices.ContainsFunc(loudWords, func(w string) bool {
			return name == w || w != "bin" && strings.Contains(name, w)
		}) {
			return true
		}
	}
	return false
}
