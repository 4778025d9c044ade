package e2e

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"time"

	"bonded.dev/internal/testenv"
)

// TestPeopleHearOfIt: what happens at a running server, and what an administrator
// does beside it, reaches a real mailbox; the release comes within a minute.
func TestPeopleHearOfIt(t *testing.T) {
	t.Parallel()
	office := testenv.OpenPostOffice(t, false)
	r := stocked.copy(t)
	r.serve("--mail-server", "smtp+plain://"+office.Addr, "--mail-from", "notices@packages.example", "--url", "http://packages.example/")
	r.token("alice", "publish,yank:npm/*")
	r.take(npmPackage("left-pad", "1.2.0").sending())
	leaked := r.tokens["alice"]
	if res, b := request(t, "POST", r.node.url+"/api/v1/leaks", strings.NewReader(`{"token":"`+leaked+`","url":"https://code.example/env"}`)); res.StatusCode != 200 || !strings.Contains(string(b), "true_positive") {
		t.Fatalf("the report: %s %s", res.Status, b)
	}
	want := map[string]string{ // what stands in a mail -> how its subject begins
		"an administrator, by a command on the server": "[bonded packages.example] An access token was made",
		"code.example/env": "[bonded packages.example] One of your access tokens was found in public and is dead",
		// The stock was published a moment before, so they are in one mail.
		"1.2.0 (left-pad-1.2.0.tgz) SHA-256": "[bonded packages.example] ",
	}
	for until := time.Now().Add(time.Minute); len(want) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("a minute later these did not arrive: %v\n%s", want, r.node.said.String())
		}
		for _, m := range office.Mails() {
			body, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(m.Body)))
			if err != nil {
				t.Fatal(err)
			}
			if m.To != "alice@example.org" || strings.Contains(string(body), "bnd_") {
				t.Errorf("a mail to %s:\n%s", m.To, body)
			}
			subject := strings.ReplaceAll(m.Header.Get("Subject"), "\r\n", "")
			for text, begins := range want {
				if strings.HasPrefix(subject, begins) && strings.Contains(string(body), text) {
					delete(want, text)
				}
			}
		}
	}
	if said := r.node.said.String(); strings.Contains(said, "alice@example.org") || strings.Contains(said, leaked) {
		t.Errorf("an address or a token stands in the log:\n%s", said)
	}
}
