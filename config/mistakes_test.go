package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is read now as what is wanted")

// base holds one right block of each type that a configuration cannot do without.
var base = map[string]string{
	"dns":      "dns \"cloudflare\" \"main\" {\n  zones = [\"example.org\"]\n  token = env(\"TEST_TOKEN\")\n}\n",
	"acme":     "acme {\n  email = \"ops@example.org\"\n}\n",
	"fallback": "fallback {\n  ipv4 = [\"198.51.100.7\"]\n}\n",
	"site":     "site \"base\" {\n  hosts = [\"base.example.org\"]\n  origin = [\"203.0.113.99\"]\n}\n",
}

const (
	canaryToken = "token-canary"
	canaryTSIG  = "dHNpZy1jYW5hcnk="
)

// withBase adds the base's blocks of the types that src does not speak of; "# no fallback" keeps
// one out.
func withBase(src source) []source {
	rest := ""
	for _, kind := range []string{"dns", "acme", "fallback", "site"} {
		said := regexp.MustCompile(`(?m)^((# no )?` + kind + `\b|\s*\{\s*"` + kind + `")`)
		if !said.Match(src.text) {
			rest += base[kind]
		}
	}
	return []source{src, {name: "base.hcl", dir: ".", text: []byte(rest)}}
}

// TestMistakes reads one mistake a file and compares with the sentence that the operator reads.
func TestMistakes(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	t.Setenv("TEST_TSIG", canaryTSIG)
	paths, err := filepath.Glob("testdata/mistakes/*.hcl*")
	if err != nil || len(paths) < 100 {
		t.Fatalf("%d mistakes found: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".hcl"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse(withBase(source{name: filepath.Base(path), dir: "testdata", text: text}))
			var mistakes *Error
			if !errors.As(err, &mistakes) {
				t.Fatalf("no mistake was found: %v", err)
			}
			for _, d := range mistakes.Diagnostics() {
				if d.File == "" || d.Line == 0 || d.Hint == "" {
					t.Errorf("a complaint without place or way out: %+v", d)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("a secret is shown:\n%v", err)
			}
			golden(t, strings.TrimSuffix(strings.TrimSuffix(path, ".json"), ".hcl")+".want", err.Error()+"\n")
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
