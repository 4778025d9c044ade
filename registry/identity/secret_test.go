package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"bonded.dev"
)

func TestSecretsAreDifferentAndCheckable(t *testing.T) {
	seen := map[string]bool{}
	var used [256]int
	for range 2000 {
		s := newSecret(tokenPrefix)
		text := s.Reveal()
		again, err := ParseToken(text)
		if err != nil || again.Reveal() != text || len(text) != 40 || seen[text] {
			t.Fatalf("%s: %v", text, err)
		}
		seen[text] = true
		for i := range randomLen {
			used[text[len(tokenPrefix)+i]]++
		}
	}
	// 60,000 characters of 62 kinds: about 968 of each. A bias towards some,
	// as from a plain remainder of 256, would give 20 % more.
	for _, d := range digits {
		if n := used[d]; n < 800 || n > 1140 {
			t.Errorf("%c was drawn %d times of about 968", d, n)
		}
	}
}

// TestTokenVector pins the form: other programs look for it.
func TestTokenVector(t *testing.T) {
	const text = "bnd_0123456789ABCDEFGHIJKLMNOPQRST"
	if got := checksum(text); got != "3dByZP" {
		t.Errorf("the checksum is %s", got)
	}
	if checksum("") != "000000" {
		t.Error("a checksum has six characters, also a small one")
	}
}

func TestEverySlipIsNoticed(t *testing.T) {
	good := newSecret(tokenPrefix).Reveal()
	bad := map[string]string{
		"": "starts with bnd_", "bnd_": "4 characters", good[:39]: "39 characters", good + "A": "41 characters", good[4:]: "starts with bnd_",
		"BND_" + good[4:]: "starts with bnd_", enrolmentPrefix + good[4:]: "starts with bnd_", " " + good: "starts with bnd_", good + "\n": "a character that no token has",
		good[:20] + "-" + good[21:]: "a character that no token has", strings.Repeat("x", 1<<20): "starts with bnd_",
	}
	for i := len(tokenPrefix); i < len(good); i++ { // every single character wrong
		c := byte('A')
		if good[i] == c {
			c = 'B'
		}
		bad[good[:i]+string(c)+good[i+1:]] = "checksum"
	}
	for i := len(tokenPrefix); i+1 < len(good)-checkLen; i++ { // every two neighbours swapped
		if good[i] != good[i+1] {
			bad[good[:i]+good[i+1:i+2]+good[i:i+1]+good[i+2:]] = "checksum"
		}
	}
	for text, why := range bad {
		_, err := ParseToken(text)
		kind, _, public := bonded.Explain(err)
		if err == nil || kind != bonded.Unauthorized || !strings.Contains(public, why) {
			t.Errorf("%.60q: got %v, want %q in it", text, err, why)
		}
		if len(text) > 10 && err != nil && strings.Contains(err.Error(), text[5:]) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	s := newSecret(tokenPrefix)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("made", "token", s, "in", struct{ S Secret }{s}, "list", []Secret{s}, "error", errors.New(fmt.Sprint("bad ", s)))
	slog.New(slog.NewTextHandler(&out, nil)).Info("made", "token", s, "pointer", &s, "in", struct{ S Secret }{s})
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%d", "%t", "%p", "%T", "%U"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" "+verb+"\n", s, []Secret{s}, struct{ S Secret }{s}, struct{ hidden Secret }{s})
	}
	b, err := json.Marshal(map[string]any{"token": s})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	if text := out.String(); strings.Contains(text, s.Reveal()[4:]) || strings.Contains(text, fmt.Sprintf("%x", s.Reveal())) {
		t.Errorf("a secret got out:\n%s", text)
	}
	if !strings.Contains(out.String(), placeholder) {
		t.Error("nothing was printed; the test shows nothing")
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(newSecret(tokenPrefix).Reveal())
	f.Add("bnd_")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseToken(text)
		if err != nil {
			if kind, _, _ := bonded.Explain(err); kind != bonded.Unauthorized || s.Reveal() != "" {
				t.Fatalf("%q: an error of kind %d, a secret %q", text, kind, s.Reveal())
			}
			return
		}
		if s.Reveal() != text || len(text) != secretLen || checksum(text[:34]) != text[34:] {
			t.Fatalf("%q was taken", text)
		}
	})
}
