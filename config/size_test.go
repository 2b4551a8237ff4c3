package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLongLine: of a line without end only the part around the mistake is shown.
func TestLongLine(t *testing.T) {
	t.Setenv("TEST_TOKEN", canaryToken)
	var sites []string
	for i := range 1000 {
		sites = append(sites, fmt.Sprintf(`"s%d":{"hosts":["s%d.example.org"],"origin":["origin"]}`, i, i))
	}
	text := `{"fallback":{"ipv4":["198.51.100.7"]},"site":{` + strings.Join(sites, ",") + "}}"
	_, err := parse([]source{{name: "a.hcl.json", text: []byte(text)}, {name: "b.hcl", text: []byte(base["dns"])}})
	invalid, ok := err.(*Error)
	if !ok || len(invalid.Diagnostics()) != 1000 {
		t.Fatalf("got %v", err)
	}
	for _, d := range invalid.Diagnostics() {
		if len(d.Source) > widest+6 || !strings.Contains(d.String(), "^") {
			t.Fatalf("%d characters: %s", len(d.Source), d)
		}
		lines := strings.Split(d.String(), "\n")
		mark := strings.Index(lines[2], "^")
		if got := lines[1][mark : mark+strings.Count(lines[2], "^")]; got != `"origin"` {
			t.Fatalf("the mark is below %s", got)
		}
	}
}

// TestDeep: absurd nesting is a mistake; it must not exhaust the stack, which ends the program.
func TestDeep(t *testing.T) {
	const n = 200_000
	tests := []struct{ name, text string }{
		{"a.hcl", "x = " + strings.Repeat("(", n)},
		{"a.hcl", "x = " + strings.Repeat("[", n)},
		{"a.hcl", "x = " + strings.Repeat("-", n)},
		{"a.hcl", "x = " + strings.Repeat("1?1:", n/2)},
		{"a.hcl", "x = " + strings.Repeat("\"${", n)},
		{"a.hcl", strings.Repeat("a {\n", n)},
		{"a.hcl", "x = " + strings.Repeat("(", mostDeep-1)},
		{"a.hcl", "x = " + strings.Repeat("1?1:", mostConditions-1)},
		{"a.hcl", strings.Repeat("a {\n", mostDeep-1)},
		{"a.hcl.json", strings.Repeat("[", n)},
		{"a.hcl.json", strings.Repeat("[", mostDeep-1)},
	}
	for _, tt := range tests {
		if _, err := parse([]source{{name: tt.name, text: []byte(tt.text)}}); err == nil {
			t.Errorf("%s with %.8s... is accepted", tt.name, tt.text)
		}
	}
}

func FuzzLoad(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*/*.hcl*")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, strings.HasSuffix(path, ".json"))
	}
	f.Fuzz(func(t *testing.T, text []byte, json bool) {
		name := "a.hcl"
		if json {
			name += ".json"
		}
		cfg, err := parse([]source{{name: name, dir: t.TempDir(), text: text}})
		if (cfg == nil) == (err == nil) {
			t.Fatalf("got %v and %v", cfg, err)
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without words")
		}
	})
}

// BenchmarkLoad5000 loads a directory of 5,000 files with one site each.
func BenchmarkLoad5000(b *testing.B) {
	b.Setenv("TEST_TOKEN", canaryToken)
	dir := b.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	write("00-base.hcl", base["dns"]+base["acme"]+base["fallback"])
	for i := range 5000 {
		write(fmt.Sprintf("site-%d.hcl", i), fmt.Sprintf("site \"s%d\" {\n  hosts = [\"s%d.example.org\", \"www.s%d.example.org\"]\n  origin = [\"203.0.113.10\"]\n\n  check \"https\" \"front\" {\n    path = \"/healthz\"\n  }\n}\n", i, i, i))
	}
	for b.Loop() {
		cfg, err := Load(dir)
		if err != nil || len(cfg.Sites) != 5000 {
			b.Fatal(err)
		}
	}
}
