package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// patch changes one place of a source file, for another build of the program alone.
type patch struct {
	file     string // below the module; or, with "std:" in front, below $GOROOT/src
	old, new string // old must be there exactly once; without old, the file is a new one and new its text
}

// another builds the program with patched sources and returns its path. The sources themselves are
// left alone: go build is given copies in their place (-overlay). The build cache is the go command's
// own, so only the first build on a machine takes long.
func another(dir, name string, patches []patch) (string, error) {
	replace := map[string]string{}
	for i, p := range patches {
		path, err := p.path()
		if err != nil {
			return "", err
		}
		from := path
		if replace[path] != "" {
			from = replace[path] // patched already
		}
		text, err := p.apply(from)
		if err != nil {
			return "", err
		}
		replace[path] = filepath.Join(dir, fmt.Sprintf("%s-%d.go", name, i))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	overlay := filepath.Join(dir, name+".json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return "", err
	}
	built := filepath.Join(dir, "failover-"+name)
	cmd := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-o", built, "./cmd/failover")
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program %s: %w\n%s", name, err, out)
	}
	return built, nil
}

// path is the file that the compiler would read.
func (p patch) path() (string, error) {
	if below, std := strings.CutPrefix(p.file, "std:"); std {
		root, err := exec.Command("go", "env", "GOROOT").Output()
		return filepath.Join(strings.TrimSpace(string(root)), "src", below), err
	}
	return filepath.Abs(filepath.Join("..", p.file))
}

func (p patch) apply(path string) (string, error) {
	if p.old == "" {
		return p.new, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), p.old); n != 1 {
		return "", fmt.Errorf("%s has the text %q %d times, and must have it once: the patch no longer fits it", p.file, p.old, n)
	}
	return strings.Replace(string(text), p.old, p.new, 1), nil
}

// A patch that no longer fits its file is an error, not a program that is as it was.
func TestPatchMustFit(t *testing.T) {
	for _, p := range []patch{
		{"std:time/time.go", "not in this file", "x"},
		{"std:time/time.go", "return", "x"},
		{"failover/none.go", "package", "x"},
	} {
		if built, err := another(t.TempDir(), "misfit", []patch{p}); err == nil {
			t.Errorf("a patch of %s for %q built %s", p.file, p.old, built)
		}
	}
}
