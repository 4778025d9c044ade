package testenv

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// effectiveIndex prints the index that pip would use: its flags' default after
// the machine's configuration files and environment have had their say. "pip
// config get" knows the files only, and fails when they are silent.
const effectiveIndex = `
from pip._internal.commands import create_command
print(create_command("download").parser.get_default_values().index_url)
`

// Upstream returns the URL of the registry that this machine's own client is set
// to, without a slash at its end, for tests that want real packages: kind "npm"
// is a registry's root, kind "pypi" a simple index. The test skips when nothing
// answers there, or fails where REQUIRE names npm-upstream or pypi-upstream.
//
// Fetch with the clients, in the environment of the test process and not in a
// Home: certificates, proxies and credentials of this machine are set there.
func Upstream(t testing.TB, kind string) string {
	t.Helper()
	var cmd *exec.Cmd
	switch kind {
	case "npm":
		cmd = exec.Command(Client(t, "npm"), "config", "get", "registry")
	case "pypi":
		cmd = exec.Command(Client(t, "python"), "-c", effectiveIndex)
	default:
		t.Fatalf("find the upstream of %q: only npm and pypi are known", kind)
	}
	cmd.Dir = t.TempDir() // away from any project's settings
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ask the %s client for its registry: %v", kind, err)
	}
	where := strings.TrimRight(strings.TrimSpace(string(out)), "/")
	if err := answers(where); err != nil {
		missing(t, kind+"-upstream", err.Error()+"; set the client of this machine to a registry that can be reached")
	}
	record(t, "upstream", kind+"-upstream", "reached")
	return where
}

// answers asks for anything at all: some registries have no page at their root,
// and a refusal is an answer too.
func answers(where string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, where+"/", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode >= 500 {
		return fmt.Errorf("the registry answers %s", response.Status)
	}
	return nil
}
