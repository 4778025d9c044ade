package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Nowhere is the registry of a client whose test has not named one. The
// top-level domain is reserved never to resolve (RFC 6761 section 6.4).
const Nowhere = "http://registry.invalid/"

// Home returns a fresh home folder and the whole environment for clients that
// run in it, for exec.Cmd.Env. See HomeIn.
func Home(t testing.TB) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	env, err := HomeIn(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, env
}

// HomeIn makes dir the home of somebody who has never used a package manager,
// and returns the whole environment for clients that run there, in the form of
// os.Environ. In a testscript, append it to Env.Vars in Setup.
//
// A client's own files work as their documentation says: .npmrc (home or
// project), .yarnrc.yml, .pypirc, and flags. For pip, set PIP_INDEX_URL or pass
// --index-url; it reads no configuration file unless PIP_CONFIG_FILE is changed.
// Install Python packages with pip --target, or into a virtual environment:
//
//	python -m venv --without-pip DIR
//	pip --python DIR/bin/python install NAME
func HomeIn(dir string) ([]string, error) {
	tools, err := Tools()
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"tmp", ".config/pnpm", ".cache"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("make a client's home: %w", err)
		}
	}
	for name, text := range settings() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, fmt.Errorf("write a client's settings: %w", err)
		}
	}
	path := filepath.Join(tools, "bin") + string(os.PathListSeparator) + os.Getenv("PATH")
	return append([]string{
		"PATH=" + path,
		"HOME=" + dir,
		"TMPDIR=" + filepath.Join(dir, "tmp"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, ".config"),
		"XDG_CACHE_HOME=" + filepath.Join(dir, ".cache"),
		"XDG_DATA_HOME=" + filepath.Join(dir, ".local", "share"),
		"XDG_STATE_HOME=" + filepath.Join(dir, ".local", "state"),
		"npm_config_globalconfig=" + filepath.Join(dir, ".config", "npmrc-global"),
	}, variables()...), nil
}

// settings are the files whose client reads its default registry from no
// variable that a project's own file could still override.
func settings() map[string]string {
	return map[string]string{
		// npm, pnpm and yarn classic. On loopback a second try hides a fault of
		// ours, and costs ten seconds.
		".npmrc": "registry=" + Nowhere + "\nfetch-retries=0\n",
		// pnpm would otherwise download the version that a package.json names.
		".config/pnpm/rc": "manage-package-manager-versions=false\n",
		".yarnrc.yml": strings.Join([]string{
			`npmRegistryServer: "` + Nowhere + `"`,
			"enableTelemetry: false",
			"httpRetry: 0",
			// Berry refuses plain HTTP unless the host is listed.
			`unsafeHttpWhitelist: ["127.0.0.1", "localhost", "registry.invalid"]`,
			"",
		}, "\n"),
	}
}

// variables are the same for every home.
func variables() []string {
	return []string{
		"LANG=C.UTF-8",
		"NO_COLOR=1",
		"npm_config_update_notifier=false",
		// Run as root, yarn classic keeps cache and settings in /usr/local/share
		// and not at home, unless it takes root for a fakeroot.
		"FAKEROOTKEY=testenv",
		// /dev/null is the one value that also hides the machine's pip.conf.
		"PIP_CONFIG_FILE=" + os.DevNull,
		"PIP_INDEX_URL=" + Nowhere + "simple/",
		"PIP_DISABLE_PIP_VERSION_CHECK=1",
		"PIP_NO_INPUT=1",
		"PIP_RETRIES=0",
		"PIP_ROOT_USER_ACTION=ignore",
		"PYTHONDONTWRITEBYTECODE=1",
		"PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
	}
}
