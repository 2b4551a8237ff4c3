package config

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

var (
	envCall  = regexp.MustCompile(`env\(\\?"(\w+)\\?"\)`)
	fileCall = regexp.MustCompile(`file\((\\?")/`)
	fence    = regexp.MustCompile("(?ms)^```(hcl|json|terraform)\n(.*?)^```$")
	row      = regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\| ([^|]*) \\|")
)

// outside provides what a text reads from outside: environment variables, and files, which it
// brings below a temporary directory.
func outside(t *testing.T, text string) string {
	t.Helper()
	for _, m := range envCall.FindAllStringSubmatch(text, -1) {
		t.Setenv(m[1], canaryTSIG)
	}
	dir := t.TempDir()
	for _, name := range []string{"cloudflare", "cloudflare-acme", "webhook", "eab"} {
		if err := os.MkdirAll(filepath.Join(dir, "run/secrets"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "run/secrets", name), []byte("canary\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return fileCall.ReplaceAllString(text, "file(${1}"+dir+"/")
}

func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDocumentedExamples loads every example of the documentation, the parts together with what
// they leave out.
func TestDocumentedExamples(t *testing.T) {
	blocks := fence.FindAllStringSubmatch(documentation(t), -1)
	if len(blocks) < 10 {
		t.Fatalf("only %d examples found", len(blocks))
	}
	for i, b := range blocks {
		t.Run(fmt.Sprintf("%d %s", i, b[1]), func(t *testing.T) {
			text, name := outside(t, b[2]), "a.hcl"
			switch b[1] {
			case "terraform":
				text, name = terraform(t, b[2]), "a.hcl.json"
				text = outside(t, text)
			case "json":
				name += ".json"
			}
			t.Setenv("TEST_TOKEN", canaryToken)
			src := source{name: name, dir: "/etc/failover", text: []byte(text)}
			sources := []source{src}
			if name == "a.hcl" {
				sources = withBase(src)
			}
			cfg, err := parse(sources)
			if err != nil {
				t.Fatalf("%s\n%v", text, err)
			}
			if len(cfg.Warnings) > 0 {
				t.Errorf("warnings: %v", cfg.Warnings)
			}
		})
	}
}

// TestReadme loads the configuration that README shows, as it stands there.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 1 {
		t.Fatalf("%d configurations in README, want one", len(blocks))
	}
	cfg, err := parse([]source{{name: "readme.hcl", dir: "/etc/failover", text: []byte(outside(t, blocks[0][1]))}})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Sites) != 1 || len(cfg.Warnings) > 0 {
		t.Errorf("%d sites, warnings %v; want one and none", len(cfg.Sites), cfg.Warnings)
	}
}

// terraform evaluates the content of the snippet's local_file as Terraform does.
func terraform(t *testing.T, text string) string {
	t.Helper()
	file, diags := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	site := cty.ObjectVal(map[string]cty.Value{
		"hosts":    cty.ListVal([]cty.Value{cty.StringVal("www.example.org")}),
		"origin":   cty.ListVal([]cty.Value{cty.StringVal("203.0.113.10")}),
		"recovery": cty.NullVal(cty.String),
	})
	ctx := &hcl.EvalContext{
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
		Variables: map[string]cty.Value{"var": cty.ObjectVal(map[string]cty.Value{"sites": cty.MapVal(map[string]cty.Value{"www": site})})},
	}
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type == "resource" {
			v, diags := block.Body.Attributes["content"].Expr.Value(ctx)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			return v.AsString()
		}
	}
	t.Fatal("no resource in the snippet")
	return ""
}

// TestExamples loads every example as it is.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob("../examples/*")
	if err != nil || len(paths) < 6 {
		t.Fatalf("examples: %v %v", paths, err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			sources, err := read(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range sources {
				sources[i].text = []byte(outside(t, string(sources[i].text)))
			}
			cfg, err := parse(sources)
			if err != nil {
				t.Fatal(err)
			}
			if len(cfg.Warnings) > 0 || len(cfg.Sites) == 0 {
				t.Errorf("%d sites, warnings: %v", len(cfg.Sites), cfg.Warnings)
			}
		})
	}
}

// TestEveryAttributeIsDocumented compares the tables of the documentation with the schemas, both ways.
func TestEveryAttributeIsDocumented(t *testing.T) {
	sections := map[string]string{}
	for _, part := range regexp.MustCompile(`(?m)^##+ `).Split(documentation(t), -1) {
		title, text, _ := strings.Cut(part, "\n")
		sections[title] = text
	}
	want := map[string]schema{
		"controller": controllerSchema, "webhook": webhookSchema, "tsig": tsigSchema, "acme": acmeSchema, "eab": eabSchema,
		"fallback": fallbackSchema, "references": referencesSchema, "propagation": propagationSchema, "site": siteSchema,
	}
	maps.Copy(want, dnsSchemas)
	for title, s := range want {
		var got []string
		for _, m := range row.FindAllStringSubmatch(sections[title], -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(s.Attributes))) {
			t.Errorf("section %s documents %v, the schema has %v", title, got, s.Attributes)
		}
	}
	documented := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(sections["check"], -1) {
		documented[m[1]] = m[2]
	}
	kinds := map[string]string{}
	for _, kind := range []string{"http", "https", "tls", "tcp", "dns"} {
		for _, name := range checkSchemas[kind].Attributes {
			kinds[name] = strings.TrimSpace(kinds[name] + " " + kind)
			if kinds[name] == "http https tls tcp dns" {
				kinds[name] = "all"
			}
		}
	}
	if !maps.Equal(documented, kinds) {
		t.Errorf("section check documents %v, the schema has %v", documented, kinds)
	}
}
