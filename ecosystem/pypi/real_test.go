package pypi

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bonded.dev/ecosystem/ecosystemtest"
)

// TestRealDistributions drafts every wheel and sdist below a folder of real
// packages and wants no anomaly. Nothing of theirs is kept here.
func TestRealDistributions(t *testing.T) {
	dir := os.Getenv("BONDED_REAL_ARCHIVES")
	if dir == "" {
		t.Skip("BONDED_REAL_ARCHIVES names no folder; fill one with: pip download --no-deps NAME")
	}
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".whl") && !strings.HasSuffix(path, ".tar.gz") {
			return err
		}
		n++
		wantHonest(t, path)
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files read: %v", n, err)
	}
}

func wantHonest(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := ecosystemtest.NewDesk(t, Ecosystem{})
	_, draft, err := d.Draft(upload(t, path, filepath.Base(path), content, nil))
	if err != nil {
		t.Errorf("%s: %v", filepath.Base(path), err)
		return
	}
	for _, a := range draft.Anomalies {
		t.Errorf("%s: %+v", filepath.Base(path), a)
	}
	t.Logf("%s: %s %s as %s, %s", filepath.Base(path), draft.Name.Display, draft.Facts[0].Version, draft.Facts[0].File, draft.Docs[0])
}

// TestBuiltDistributions builds a project with the backends that are installed
// and wants their wheels and sdists to draft without an anomaly.
func TestBuiltDistributions(t *testing.T) {
	python := pythonWith(t, "build")
	for backend, requires := range map[string]string{
		"setuptools.build_meta": "setuptools", "hatchling.build": "hatchling", "flit_core.buildapi": "flit_core",
	} {
		t.Run(requires, func(t *testing.T) {
			pythonWith(t, requires)
			dir := t.TempDir()
			write := func(name, text string) {
				path := filepath.Join(dir, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			write("README.md", "# Größe\n\nA text, with \"quotes\".\n")
			write("LICENSE", "none\n")
			write("acme_built/__init__.py", "\"\"\"A module.\"\"\"\n__version__ = '1.0.0'\n")
			write("acme_built/data/a b,c.txt", "x\n")
			write("pyproject.toml", "[build-system]\nrequires = [\""+requires+"\"]\nbuild-backend = \""+backend+"\"\n"+
				"[project]\nname = \"Acme.Built\"\nversion = \"1.0.0\"\nreadme = \"README.md\"\nrequires-python = \">=3.8\"\n"+
				"description = \"Größe & more\"\nkeywords = [\"a\", \"b\"]\nauthors = [{name = \"Ann Ö\", email = \"ann@example.invalid\"}]\n"+
				"dependencies = [\"Zope.Interface>=1; python_version < '4'\"]\n[project.optional-dependencies]\nx = [\"six\"]\n"+
				"[project.urls]\n\"Home Page\" = \"https://example.invalid/\"\n"+
				"[tool.flit.module]\nname = \"acme_built\"\n[tool.hatch.build.targets.wheel]\npackages = [\"acme_built\"]\n"+
				"[tool.setuptools]\npackages = [\"acme_built\"]\n")
			cmd := exec.Command(python, "-m", "build", "--no-isolation", "--outdir", filepath.Join(dir, "dist"), dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			files, err := filepath.Glob(filepath.Join(dir, "dist", "*"))
			if err != nil || len(files) != 2 {
				t.Fatalf("built %q, %v", files, err)
			}
			for _, f := range files {
				wantHonest(t, f)
			}
		})
	}
}
