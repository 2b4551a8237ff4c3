package config

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// TestSecretNeverPrints tries every way that a text leaves a program by accident.
func TestSecretNeverPrints(t *testing.T) {
	const canary = "cf-canary"
	secret := NewSecret(canary)
	type exported struct{ Token Secret }
	type unexported struct{ token Secret }
	var out bytes.Buffer
	for _, v := range []any{secret, &secret, exported{secret}, &exported{secret}, unexported{secret}, &unexported{secret},
		[]Secret{secret}, map[string]Secret{"a": secret}, Config{DNS: []DNS{{Cloudflare: &Cloudflare{Token: secret}}}}} {
		for _, verb := range "vsqxXdbotTpUeEfFgGc" {
			for _, flag := range []string{"", "+", "#", " ", "-20.30"} {
				fmt.Fprintf(&out, "%"+flag+string(verb)+"\n", v)
			}
		}
		fmt.Fprintln(&out, v)
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
		if text, err := xml.Marshal(v); err == nil {
			out.Write(text)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("message", "value", v)
		}
	}
	fmt.Fprint(&out, fmt.Errorf("wrapped: %v", secret))
	for _, leak := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q leaks", leak)
		}
	}
	for _, got := range []string{secret.String(), fmt.Sprintf("%q %#v %x", secret, secret, secret)} {
		if strings.Trim(strings.ReplaceAll(got, masked, ""), " ") != "" {
			t.Errorf("got %s", got)
		}
	}
	if secret.Reveal() != canary || secret.IsZero() || !(Secret{}).IsZero() || (Secret{}).Reveal() != "" {
		t.Error("Reveal and IsZero tell the truth")
	}
}

// TestRedact blanks out secrets in source texts, whatever the text around them.
func TestRedact(t *testing.T) {
	tests := []struct{ src, want string }{
		{"token = \"abc\"\nzones = []", "token = *****\nzones = []"},
		{"acme_token=\"abc\" # note", "acme_token=************"},
		{"tokens = \"abc\"", "tokens = \"abc\""},
		{"token = env(\"CF\")", "token = env(\"CF\")"},
		{"token = file(\"/run/cf\")", "token = file(\"/run/cf\")"},
		{"token = true ? \"abc\" : \"def\"", "token = " + strings.Repeat("*", 20)},
		{"token = (\n  \"abc\"\n)\nx = 1", "token = *\n*******\n*\nx = 1"},
		{"secret = <<EOT\nabc\n  EOT\nx = 1", "secret = *****\n***\n*****\nx = 1"},
		{"secret = <<EOT\nabc\n", "secret = *****\n***\n"},
		{"token = \"ab\\\"c\"\nx = 1", "token = *******\nx = 1"},
		{"token = \"abc\nx = 1", "token = ****\n*****"},
		{`{"token": "abc", "zones": []}`, `{"token": *****, "zones": []}`},
		{`{"token": "${env(\"CF\")}", "zones": []}`, `{"token": "${env(\"CF\")}", "zones": []}`},
		{"{\"token\":\n\"abc\"\n}", "{\"token\":\n*****\n}"},
		{`headers = { Authorization = "abc" }`, "headers = " + strings.Repeat("*", 25)},
		{"token = \"abc", "token = ****"},
		{"token =", "token ="},
	}
	for _, tt := range tests {
		if got := string(redact([]byte(tt.src), hidden)); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.src, got, tt.want)
		}
	}
}

// FuzzRedact: whatever the text, lengths and line ends stay, and a quoted secret does not.
func FuzzRedact(f *testing.F) {
	f.Add("a = 1\n", "\nb = 2")
	f.Fuzz(func(t *testing.T, before, after string) {
		src := before + "\ntoken = \"canary-7261\"\n" + after
		got := string(redact([]byte(src), hidden))
		if len(got) != len(src) || strings.Count(got, "\n") != strings.Count(src, "\n") {
			t.Fatalf("%q became %q", src, got)
		}
		if !strings.Contains(before, "canary") && !strings.Contains(after, "canary") && strings.Contains(got, "canary") {
			t.Fatalf("%q shows the secret: %q", src, got)
		}
	})
}
