package ecosystem_test

import (
	"testing"

	"bonded.dev/ecosystem"
)

func TestWhatATerminalObeys(t *testing.T) {
	for text, want := range map[string]rune{
		"": 0,
		"plain, na\u00efve, \u65e5\u672c, \U0001f600":       0,
		"a list:\n\tone\r\n\ttwo":                           0,
		"\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u200f": 0, // right to left, with a mark
		"zero\u200djoiner":                                  0, // families of emoji need it
		"\x00":                                              0x00,
		"escape \x1b[2K":                                    0x1b,
		"bell\a":                                            0x07,
		"delete\x7f":                                        0x7f,
		"C1 \u009b2K":                                       0x9b,
		"cover\rthis":                                       '\r',
		"at its end\r":                                      '\r',
		"override \u202eelpmaxe":                            0x202e,
		"isolate \u2066x\u2069":                             0x2066,
	} {
		got, found := ecosystem.Obeyed(text)
		if got != want || found != (want != 0 || text == "\x00") {
			t.Errorf("%+q: %U, %v; want %U", text, got, found, want)
		}
	}
}
