package breach

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// commonText are words, names, numbers and walks over the keyboard that
// passwords are most often made of, as every published list shows.
//
//go:embed first.txt
var commonText string

// common reads them once.
var common = sync.OnceValues(func() (words map[string]bool, longest int) {
	words = map[string]bool{}
	for _, w := range strings.Fields(commonText) {
		words[w] = true
		longest = max(longest, len(w))
	}
	return words, longest
})

const (
	// A password that is made of so many different common words, and with so
	// little between them, is tried early by whoever guesses.
	maxCommon = 2
	maxFiller = 3
	// What is longer is none that people choose most.
	maxLooked = 64
)

// letters undoes what people put in place of letters.
var letters = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "!", "i")

// Common says if a password is one of those that are tried first: common words,
// at most two different ones, however often, with at most three characters that
// belong to none, in whatever case and with digits in place of letters; or a few
// characters over and over. Three words that have nothing to do with each other
// are fine.
func Common(password string) bool {
	text := strings.ToLower(password)
	if len(text) > maxLooked {
		return false
	}
	return repeats(text) || newMaker().splits(text, letters.Replace(text), nil, maxFiller)
}

// repeats says if a text is at most three characters over and over, or the same
// for all but a few at its end.
func repeats(text string) bool {
	for n := 1; n <= 3; n++ {
		same := n
		for same < len(text) && text[same] == text[same%n] {
			same++
		}
		if same >= 2*n && len(text)-same <= maxFiller {
			return true
		}
	}
	return false
}

// maker looks for the words that a text is made of.
type maker struct {
	words   map[string]bool
	longest int
	vain    map[string]bool // where it went on from in vain, so that no way is gone twice
}

func newMaker() *maker {
	words, longest := common()
	return &maker{words, longest, map[string]bool{}}
}

// splits tries every way to go on: a word that was used before, another one while
// that is allowed, or one character that belongs to none. spelt is the same text
// with letters in place of what stands for them, byte for byte.
func (m *maker) splits(text, spelt string, used []string, filler int) bool {
	if text == "" {
		return len(used) > 0
	}
	state := fmt.Sprintln(len(text), filler, used)
	if m.vain[state] {
		return false
	}
	for n := min(m.longest, len(text)); n > 0; n-- {
		if next, may := m.using(text[:n], used); may && m.splits(text[n:], spelt[n:], next, filler) {
			return true
		}
		if spelt[:n] == text[:n] {
			continue
		}
		if next, may := m.using(spelt[:n], used); may && m.splits(text[n:], spelt[n:], next, filler) {
			return true
		}
	}
	if filler > 0 && m.splits(text[1:], spelt[1:], used, filler-1) {
		return true
	}
	m.vain[state] = true
	return false
}

// using adds a word to those that were used, and says if it is one and may be.
func (m *maker) using(w string, used []string) (next []string, may bool) {
	if !m.words[w] {
		return nil, false
	}
	if slices.Contains(used, w) {
		return used, true
	}
	if len(used) == maxCommon {
		return nil, false
	}
	return append(used[:len(used):len(used)], w), true
}
