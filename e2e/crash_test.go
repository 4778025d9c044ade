package e2e

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bonded.dev/internal/failing"
)

// crashBinary builds bonded with crash points beside the ordinary one, once.
var crashBinary = sync.OnceValues(func() (string, error) {
	path := binary + "-crash"
	cmd := exec.Command("go", "build", "-tags", "crash", "-o", path, "bonded.dev/cmd/bonded")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building with crash points: %w\n%s", err, out)
	}
	return path, nil
})

// victim is a running server that may die at any moment.
type victim struct {
	t    *testing.T
	bin  string
	data string
	url  string
	env  []string // besides the test's own
	cmd  *exec.Cmd
	done chan error
}

// start runs the server; crashAt names a boundary or is empty.
func (v *victim) start(crashAt string) {
	v.t.Helper()
	v.cmd = exec.Command(v.bin, "serve", "--data", v.data, "--listen", strings.TrimPrefix(v.url, "http://"))
	v.cmd.Env = append(append(os.Environ(), v.env...), "BONDED_CRASH_AT="+crashAt)
	v.cmd.Stderr = io.Discard
	out, err := v.cmd.StdoutPipe()
	if err == nil {
		err = v.cmd.Start()
	}
	if err != nil {
		v.t.Fatal(err)
	}
	cmd, done := v.cmd, make(chan error, 1)
	v.done = done
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() { done <- cmd.Wait() }()
	if err != nil {
		v.t.Fatalf("the server did not come up: %v", err)
	}
	v.url = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	v.t.Cleanup(func() { _ = cmd.Process.Kill() }) // after its end this is nothing
}

// died waits for the end and reports whether it was a SIGKILL.
func (v *victim) died() bool {
	select {
	case <-v.done:
	case <-time.After(30 * time.Second):
		v.t.Fatal("the server neither answered nor died")
	}
	status, ok := v.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func (v *victim) stop() {
	v.t.Helper()
	if err := v.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		v.t.Fatal(err)
	}
	if err := <-v.done; err != nil {
		v.t.Fatalf("stopping: %v", err)
	}
}

// bonded runs a verb and returns its output and exit code.
func (v *victim) bonded(args ...string) (string, int) {
	v.t.Helper()
	out, err := exec.Command(v.bin, args...).CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		v.t.Fatal(err)
	}
	code := 0
	if err != nil {
		code = err.(*exec.ExitError).ExitCode()
	}
	return string(out), code
}

func newVictim(t *testing.T) (v *victim, token string) {
	t.Helper()
	if testing.Short() {
		t.Skip("crash tests build and start the real binary many times; run without -short")
	}
	bin, err := crashBinary()
	if err != nil {
		t.Fatal(err)
	}
	v = &victim{t: t, bin: bin, data: filepath.Join(t.TempDir(), "data"), url: "http://127.0.0.1:0"}
	v.start("")
	if out, code := v.bonded("admin", "user", "add", "alice", "--email", "alice@example.org", "--data", v.data); code != 0 {
		t.Fatal(out)
	}
	out, code := v.bonded("admin", "token", "add", "--user", "alice", "--scope", "publish:npm/*", "--data", v.data)
	if code != 0 {
		t.Fatal(out)
	}
	return v, strings.TrimSpace(out)
}

// publication is what an npm client sends for a small package.
func publication(t *testing.T, name, version string) []byte {
	t.Helper()
	manifest := fmt.Sprintf(`{"name":%q,"version":%q,"description":"made to be interrupted"}`, name, version)
	var tgz bytes.Buffer
	z := gzip.NewWriter(&tgz)
	w := tar.NewWriter(z)
	err := w.WriteHeader(&tar.Header{Name: "package/package.json", Size: int64(len(manifest)), Mode: 0o644, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = io.WriteString(w, manifest)
	}
	if err != nil || w.Close() != nil || z.Close() != nil {
		t.Fatal("making a package", err)
	}
	sum := sha512.Sum512(tgz.Bytes())
	return fmt.Appendf(nil, `{"_id":%q,"name":%q,"dist-tags":{"latest":%q},"versions":{%q:{"name":%q,"version":%q,"description":"made to be interrupted","dist":{"integrity":"sha512-%s"}}},"_attachments":{"%s-%s.tgz":{"content_type":"application/octet-stream","data":%q,"length":%d}}}`,
		name, name, version, version, name, version, base64.StdEncoding.EncodeToString(sum[:]),
		name, version, base64.StdEncoding.EncodeToString(tgz.Bytes()), tgz.Len())
}

// put publishes; ok is true only when the server acknowledged.
func put(url, token, name string, body []byte) (ok bool, answer string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url+"/npm/"+name, bytes.NewReader(body))
	if err != nil {
		return false, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return err == nil && res.StatusCode < 300, string(b)
}

// served asks for the document and the artifact of a version.
func served(t *testing.T, url, name, version string) (document, artifact bool) {
	t.Helper()
	get := func(path string) (int, string) {
		res, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(b)
	}
	_, text := get("/npm/" + name)
	code, _ := get("/npm/" + name + "/-/" + name + "-" + version + ".tgz")
	return strings.Contains(text, `"`+version+`":{`), code == http.StatusOK
}

// TestKilledAtEveryBoundary kills the real server between any two rooms of the
// way in, starts it again, and looks: wholly in or wholly out, provable, and no
// orphan left after fsck.
func TestKilledAtEveryBoundary(t *testing.T) {
	for _, boundary := range failing.Boundaries {
		t.Run(boundary, func(t *testing.T) {
			v, token := newVictim(t)
			if ok, answer := put(v.url, token, "left-pad", publication(t, "left-pad", "1.0.0")); !ok {
				t.Fatal(answer)
			}
			v.stop()
			v.start(boundary)
			acknowledged, answer := put(v.url, token, "left-pad", publication(t, "left-pad", "1.1.0"))
			if !v.died() {
				t.Fatalf("it was not killed at %s: %s", boundary, answer)
			}
			if acknowledged {
				t.Fatalf("acknowledged before %s", boundary)
			}
			v.start("")
			document, artifact := served(t, v.url, "left-pad", "1.1.0")
			if document != artifact {
				t.Errorf("half in: document %v, artifact %v", document, artifact)
			}
			committed := map[string]bool{"draft": false, "judge": false, "record": false, "ledger": false}
			if want, out := committed[boundary]; document != (!out || want) {
				t.Errorf("present %v after a crash at %s", document, boundary)
			}
			if out, code := v.bonded("log", "verify", v.url); code != 0 {
				t.Errorf("log verify: %s", out)
			}
			again, answer := put(v.url, token, "left-pad", publication(t, "left-pad", "1.1.0"))
			if again == document {
				t.Errorf("present %v, and publishing it again was taken %v: %s", document, again, answer)
			}
			v.stop()
			if out, code := v.bonded("fsck", "--data", v.data, "--mend", "--spare", "0s"); code != 0 {
				t.Errorf("fsck --mend: %s", out)
			}
			if out, code := v.bonded("fsck", "--data", v.data, "--spare", "0s"); code != 0 {
				t.Errorf("fsck afterwards: %s", out)
			}
		})
	}
}

// TestKilledWhileStaging kills the server before and after a release that waits
// is written down: it waits or was never there, and sending it again leads to
// one release, with its bytes, that can be approved.
func TestKilledWhileStaging(t *testing.T) {
	for _, boundary := range append([]string{"draft", "judge"}, failing.StageBoundaries...) {
		t.Run(boundary, func(t *testing.T) {
			v, token := newVictim(t)
			if out, code := v.bonded("admin", "user", "add", "bob", "--email", "bob@example.org", "--data", v.data); code != 0 {
				t.Fatal(out)
			}
			if out, code := v.bonded("admin", "user", "role", "bob", "moderator", "--data", v.data); code != 0 {
				t.Fatal(out)
			}
			v.stop()
			v.env = []string{"BONDED_TWO_PERSON=all"}
			v.start(boundary)
			body := publication(t, "left-pad", "1.0.0")
			if acknowledged, answer := put(v.url, token, "left-pad", body); !v.died() || acknowledged {
				t.Fatalf("at %s: acknowledged %v, %s", boundary, acknowledged, answer)
			}
			v.start("")
			if document, artifact := served(t, v.url, "left-pad", "1.0.0"); document || artifact {
				t.Errorf("what waits is served: document %v, artifact %v", document, artifact)
			}
			ok, answer := put(v.url, token, "left-pad", body)
			if !ok || !strings.Contains(answer, `"staged":`) {
				t.Fatalf("sent again: %s", answer)
			}
			v.stop()
			if out, code := v.bonded("fsck", "--data", v.data, "--mend", "--spare", "0s"); code != 0 {
				t.Errorf("fsck --mend: %s", out)
			}
			if err := approveAll(v.data, nil, "bob"); err != nil {
				t.Fatal(err)
			}
			v.start("")
			if document, artifact := served(t, v.url, "left-pad", "1.0.0"); !document || !artifact {
				t.Errorf("after the approval: document %v, artifact %v", document, artifact)
			}
			v.stop()
			if out, code := v.bonded("fsck", "--data", v.data, "--spare", "0s"); code != 0 {
				t.Errorf("fsck afterwards: %s", out)
			}
		})
	}
}

// TestKilledUnderLoad kills the server at arbitrary moments while many clients
// publish; whatever was acknowledged is there afterwards.
func TestKilledUnderLoad(t *testing.T) {
	v, token := newVictim(t)
	var mu sync.Mutex
	acknowledged := map[string]string{} // package -> version
	for round := range 4 {
		var wg sync.WaitGroup
		for client := range 6 {
			wg.Go(func() {
				for i := range 200 {
					name, version := fmt.Sprintf("pkg-%d", client), fmt.Sprintf("%d.%d.0", round, i)
					ok, _ := put(v.url, token, name, publication(t, name, version))
					if !ok {
						return
					}
					mu.Lock()
					acknowledged[name+" "+version] = version
					mu.Unlock()
				}
			})
		}
		for enough := 15 * (round + 1); ; time.Sleep(time.Millisecond) {
			mu.Lock()
			n := len(acknowledged)
			mu.Unlock()
			if n >= enough {
				break
			}
		}
		if err := v.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		<-v.done
		v.start("")
	}
	for key, version := range acknowledged {
		name, _, _ := strings.Cut(key, " ")
		if document, artifact := served(t, v.url, name, version); !document || !artifact {
			t.Errorf("%s was acknowledged: document %v, artifact %v", key, document, artifact)
		}
	}
	if out, code := v.bonded("log", "verify", v.url); code != 0 {
		t.Errorf("log verify: %s", out)
	}
	t.Logf("%d acknowledged publications survived 4 kills", len(acknowledged))
}
