package breach

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func hashOf(password string) string {
	sum := sha1.Sum([]byte(password))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func TestCommon(t *testing.T) {
	for _, p := range []string{
		"password1234", "Password123!", "P@ssw0rd2024", "qwertyuiop12", "1q2w3e4r5t6y", "123456789012", "iloveyou1234", "aaaaaaaaaaaa",
		"abcabcabcabc", "passwordpassword", "sunshinedragon", "Liverpool2024!", "111111111111", "administrator1", "letmeinletmein", "xyxyxyxyxyxy!",
		"Welcome12345", "qazwsxedcrfv", "michaeljordan", "trustno1trustno1", "changeme1234",
	} {
		if !Common(p) {
			t.Errorf("%q is not common", p)
		}
	}
	for _, p := range []string{
		"correct horse battery staple", "dragon8829471652", "violet ferry under glass", "kx7!wq92mv#tt", "sunshine tiger banana kettle",
		"meine oma faehrt motorrad", "", "ünïcödé ist auch gut", strings.Repeat("password", 20),
	} {
		if Common(p) {
			t.Errorf("%q is common", p)
		}
	}
}

// TestCommonEnds: no text makes the search long.
func TestCommonEnds(t *testing.T) {
	for _, p := range []string{strings.Repeat("a", 58) + "xyzxyz", strings.Repeat("12", 29) + "qqzzqq", strings.Repeat("abc123", 10) + "####", strings.Repeat("1", 58) + "qqqqqq"} {
		m := newMaker()
		if m.splits(p, letters.Replace(p), nil, maxFiller) {
			t.Errorf("%q is made of few words", p)
		}
		if n := len(m.vain); n > 50_000 {
			t.Errorf("%q took %d steps", p, n)
		}
	}
}

// TestBuild: whatever stands in the list is found, in any order and with repeats,
// and of what does not about one in 256.
func TestBuild(t *testing.T) {
	const n = 20_000
	var list bytes.Buffer
	for i := range n {
		fmt.Fprintf(&list, "%s:%d\r\n", hashOf(fmt.Sprint("stolen ", i)), 1+i%10)
	}
	fmt.Fprintln(&list, strings.ToLower(hashOf("stolen 7"))) // again, and without a count
	out := filepath.Join(t.TempDir(), "breached")
	got, err := Build(t.Context(), &list, out, 1)
	if err != nil || got != n+1 {
		t.Fatal(got, err)
	}
	f, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	l := &Lists{Filter: f}
	for i := range n {
		if known, err := l.Known(t.Context(), fmt.Sprint("stolen ", i)); !known || err != nil {
			t.Fatalf("stolen %d is not found, %v", i, err)
		}
	}
	strangers := 0
	for i := range n {
		if known, _ := l.Known(t.Context(), fmt.Sprint("nobody chose ", i)); known {
			strangers++
		}
	}
	if strangers == 0 || strangers > n/100 {
		t.Errorf("%d of %d that stand in no list were found", strangers, n)
	}
	if info, err := os.Stat(out); err != nil || info.Size() > 2*n+256*100 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(out), ".breach-*")); len(left) > 0 || err != nil {
		t.Error("left behind:", left, err)
	}
}

func TestBuildLeavesOutWhatIsRare(t *testing.T) {
	out := filepath.Join(t.TempDir(), "breached")
	list := hashOf("seen often enough") + ":10\n" + hashOf("seen but once") + ":1\n"
	if n, err := Build(t.Context(), strings.NewReader(list), out, 5); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	f, err := Open(out)
	if err != nil {
		t.Fatal(err)
	}
	if !f.Has(sha1.Sum([]byte("seen often enough"))) || f.Has(sha1.Sum([]byte("seen but once"))) {
		t.Error("the wrong one was left out")
	}
}

func TestBuildRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "breached")
	if err := os.WriteFile(out, []byte("the list before"), 0o600); err != nil {
		t.Fatal(err)
	}
	for list, why := range map[string]string{
		"":                       "no hash in the list",
		"password\n":             "line 1: it does not begin with a SHA-1",
		hashOf("x") + ":many\n":  "line 1: its count is no number",
		strings.Repeat("z", 40):  "line 1: it does not begin with a SHA-1",
		strings.Repeat("a", 999): "too long",
	} {
		if _, err := Build(t.Context(), strings.NewReader(list), out, 1); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.50q: %v, want %q", list, err, why)
		}
	}
	if b, err := os.ReadFile(out); string(b) != "the list before" || err != nil {
		t.Errorf("a list that could not be built replaced the one before: %q %v", b, err)
	}
}

// TestDamage: a file with any byte changed, or cut anywhere, is not taken.
func TestDamage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "breached")
	if _, err := Build(t.Context(), strings.NewReader(hashOf("a")+"\n"+hashOf("b")+"\n"), out, 1); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x40
		if _, err := read(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d was changed and nobody noticed", i)
		}
		if _, err := read(bytes.NewReader(whole[:i])); err == nil {
			t.Fatalf("cut at byte %d and nobody noticed", i)
		}
	}
}

// TestRanges asks a real server, which sees five digits and nothing else.
func TestRanges(t *testing.T) {
	var asked []string
	answer := func(w http.ResponseWriter) {
		fmt.Fprintf(w, "%s:0\r\n%s:42\r\n", hashOf("padding only here")[5:], hashOf("known to the service")[5:])
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path+" "+r.Header.Get("Add-Padding"))
		answer(w)
	}))
	defer server.Close()
	l := &Lists{Ranges: server.URL + "/range/"}
	for password, want := range map[string]bool{"known to the service": true, "padding only here": false, "violet ferry under glass": false} {
		asked = nil
		if got, err := l.Known(t.Context(), password); got != want || err != nil {
			t.Errorf("%q: %t, %v", password, got, err)
		}
		if len(asked) != 1 || asked[0] != "/range/"+hashOf(password)[:5]+" true" {
			t.Errorf("the service was asked %q", asked)
		}
	}
	asked = nil
	if got, err := l.Known(t.Context(), "password1234"); !got || err != nil || asked != nil {
		t.Error("a common password was sent to the service:", got, err, asked)
	}
	answer = func(w http.ResponseWriter) { w.WriteHeader(http.StatusTeapot) }
	if got, err := l.Known(t.Context(), "known to the service"); got || err == nil {
		t.Error("a service that fails:", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := l.Known(ctx, "known to the service"); got || err == nil {
		t.Error("a service that does not answer:", got, err)
	}
}
