package ecosystem

import (
	"fmt"
	"strings"

	"bonded.dev"
)

// Obeyed finds, in text that clients print, the first character that a terminal
// would obey (C0, DEL, C1) or that changes the order in which people read what
// stands there (the bidirectional embeddings, overrides and isolates). Tabs and
// the ends of lines are ordinary text; a carriage return inside a line is not,
// because what follows it covers what stood before.
func Obeyed(text string) (rune, bool) {
	for i, r := range text {
		switch {
		case r == '\n' || r == '\t':
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"):
		case r < ' ', r >= 0x7f && r <= 0x9f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return r, true
		}
	}
	return 0, false
}

// Unprintable is what an adapter reports of a text that holds such a character.
// where is printable.
func Unprintable(where string, r rune) bonded.Anomaly {
	return bonded.Anomaly{Kind: bonded.Unprintable, Rule: "unprintable", Where: where, Detail: fmt.Sprintf("the character U+%04X", r)}
}
