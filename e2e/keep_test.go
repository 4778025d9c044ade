package e2e

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bonded.dev/internal/testenv"
)

// TestBackupAndRestore takes a backup beside a server that is being written to,
// and goes on somewhere else from it.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	r.serve()
	key := r.verifierKey()
	file := filepath.Join(t.TempDir(), "backup.tar")
	r.token("alice", "publish,tag:*")
	writing := make(chan int)
	stop := make(chan struct{})
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				writing <- n
				return
			default:
			}
			r.take(npmPackage("busy", "1.0."+strconv.Itoa(n)).sending())
			n++
		}
	}()
	out := must(t, r.env, "backup", file)
	close(stop)
	if n := <-writing; n == 0 {
		t.Error("nothing was published beside the backup")
	}
	if !strings.HasPrefix(out, file+": ") || !strings.Contains(out, " entries, root ") {
		t.Errorf("backup says %q", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup holds private keys and has the mode %v, %v", info.Mode(), err)
	}
	if _, code := bonded(t, r.env, "backup", file); code == 0 {
		t.Error("a second backup overwrote the first")
	}

	// The old server is gone for good.
	if err := r.node.stop(); err != nil {
		t.Fatal(err)
	}
	restored := &repository{t: t, data: filepath.Join(t.TempDir(), "restored"), tokens: r.tokens}
	restored.env = bare("BONDED_DATA=" + restored.data)
	if out := must(t, restored.env, "restore", file); !strings.HasPrefix(out, "all is well: ") {
		t.Errorf("restore says %q", out)
	}
	restored.serve()
	if out, code := bonded(t, restored.env, "log", "verify", restored.node.url, "--key", key); code != 0 {
		t.Errorf("log verify with the key from before: exit code %d\n%s", code, out)
	}
	restored.take(npmPackage("left-pad", "2.0.0").sending())
	restored.install("left-pad@1.1.0", "@acme/tools")

	// Nothing is restored on top of something.
	if out, code := bonded(t, restored.env, "restore", file); code == 0 || !strings.Contains(out, "is not empty; restore into a new directory") {
		t.Errorf("into a directory with data: exit code %d\n%s", code, out)
	}
	if out, code := bonded(t, restored.env, "log", "verify", restored.node.url, "--key", key); code != 0 {
		t.Errorf("log verify after the refused restore: exit code %d\n%s", code, out)
	}
}

// verifierKey is what an auditor has noted down.
func (r *repository) verifierKey() string {
	r.t.Helper()
	res, b := fetch(r.t, r.node.url+"/log/key")
	if res.StatusCode != 200 {
		r.t.Fatalf("GET /log/key: %s", res.Status)
	}
	return strings.TrimSpace(string(b))
}

// install has npm install packages in a clean home.
func (r *repository) install(packages ...string) {
	r.t.Helper()
	npm := testenv.Client(r.t, "npm")
	home, env := testenv.Home(r.t)
	project := filepath.Join(home, "project")
	err := errors.Join(os.Mkdir(project, 0o755),
		os.WriteFile(filepath.Join(project, "package.json"), []byte(`{"name":"app","version":"1.0.0","private":true}`), 0o644),
		os.WriteFile(filepath.Join(project, ".npmrc"), []byte("registry="+r.node.url+"/npm/\n"), 0o644))
	if err != nil {
		r.t.Fatal(err)
	}
	run(r.t, project, env, npm, append([]string{"install"}, packages...)...)
}

// TestBackupWithOneWrongBit flips one bit in each member of a backup, and cuts
// it short. Each is refused by name, and leaves nothing in the way.
func TestBackupWithOneWrongBit(t *testing.T) {
	t.Parallel()
	r := stocked.copy(t)
	file := filepath.Join(t.TempDir(), "backup.tar")
	must(t, r.env, "backup", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	into := filepath.Join(t.TempDir(), "restored")
	refuse := func(what string, backup []byte, says string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "spoilt.tar")
		if err := os.WriteFile(path, backup, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := bonded(t, bare("BONDED_DATA="+into), "restore", path); code == 0 || !strings.Contains(out, says) {
			t.Errorf("%s: exit code %d, want a word about %s\n%s", what, code, says, out)
		}
	}
	list := members(t, file)
	for _, m := range list {
		spoilt := append([]byte(nil), whole...)
		spoilt[m.offset+m.size/2] ^= 1
		refuse("a wrong bit in "+m.name, spoilt, m.name)
	}
	if last := list[len(list)-1]; last.name != "SHA256SUMS" {
		t.Errorf("the last member is %s", last.name)
	} else {
		refuse("a backup without its end", whole[:last.offset-512], "is not whole")
		refuse("half a backup", whole[:len(whole)/2], "unexpected EOF")
	}
	// The directory is as good as new.
	must(t, bare("BONDED_DATA="+into), "restore", file)
}

type member struct {
	name         string
	offset, size int64
}

func members(t *testing.T, file string) (list []member) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, member{h.Name, at, h.Size})
	}
}

// TestBackupOfASharedRepositoryIsRefused: a database and a store that others
// look after have tools of their own.
func TestBackupOfASharedRepositoryIsRefused(t *testing.T) {
	t.Parallel()
	r := open(t, shared)
	r.take(npmPackage("left-pad", "1.0.0").sending())
	out, code := bonded(t, r.env, "backup", filepath.Join(t.TempDir(), "backup.tar"))
	if code == 0 || !strings.Contains(out, "pg_dump") {
		t.Errorf("exit code %d, want a word about pg_dump\n%s", code, out)
	}
	if out, code := bonded(t, r.env, "fsck"); code != 0 {
		t.Errorf("fsck: exit code %d\n%s", code, out)
	}
	if out := must(t, r.env, "admin", "user", "list"); !strings.Contains(out, "alice") {
		t.Errorf("admin user list says %q", out)
	}
}
