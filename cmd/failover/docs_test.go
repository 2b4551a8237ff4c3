package main

import (
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/failover-dns/failover/failover"
)

// TestDocs compares docs/cli.md with the commands, their flags and the exit codes.
func TestDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := sections(string(text))
	root := newRoot(&program{in: strings.NewReader(""), out: io.Discard, err: io.Discard, getenv: func(string) string { return "" }})
	root.InitDefaultCompletionCmd("status")
	root.InitDefaultHelpFlag()
	check := func(title string, want []string) {
		t.Helper()
		got, found := documented[title]
		if !found {
			t.Errorf("docs/cli.md has no section %q", title)
		} else if !slices.Equal(got, want) {
			t.Errorf("section %q: documented %q, built %q", title, got, want)
		}
		delete(documented, title)
	}
	check("Everywhere", flags(root.PersistentFlags(), root.LocalFlags()))
	for _, c := range commands(root) {
		check("`"+strings.TrimSuffix(c.UseLine(), " [flags]")+"`", flags(c.LocalNonPersistentFlags()))
	}
	for title, flags := range documented {
		if strings.HasPrefix(title, "`") || len(flags) > 0 {
			t.Errorf("docs/cli.md documents %q, which does not exist", title)
		}
	}
}

func TestExitCodesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	pick := func(re, s string) (out []string) {
		for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(s, -1) {
			out = append(out, m[1]+" "+m[2])
		}
		return out
	}
	got, want := pick(`(?m)^\| (\d) \| (.*) \|$`, string(text)), pick(`(?m)^  (\d)  (.*)$`, exitCodes)
	if len(want) != 8 || !slices.Equal(got, want) {
		t.Errorf("docs/cli.md %q, help %q", got, want)
	}
}

// sections returns the long flags in the tables of each section, sorted, by title.
func sections(text string) map[string][]string {
	out := map[string][]string{}
	title := ""
	flag := regexp.MustCompile("^\\| .*`--([a-z]+)` \\|")
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			title = strings.TrimLeft(line, "# ")
			out[title] = []string{}
		} else if m := flag.FindStringSubmatch(line); m != nil {
			out[title] = append(out[title], m[1])
			slices.Sort(out[title])
		}
	}
	return out
}

func flags(sets ...*pflag.FlagSet) []string {
	out := []string{}
	for _, set := range sets {
		set.VisitAll(func(f *pflag.Flag) { out = append(out, f.Name) })
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// commands lists all commands but the root, help, and the shells of completion.
func commands(root *cobra.Command) []*cobra.Command {
	var out []*cobra.Command
	for _, c := range root.Commands() {
		if c.Name() == "help" || c.Hidden {
			continue
		}
		out = append(out, c)
		if c.Name() != "completion" {
			out = append(out, commands(c)...)
		}
	}
	return out
}

// TestRulesAreDocumented compares docs/rules.md with the rules there are, and whom they bind.
func TestRulesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../failover/rules.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{} // to whether an operator can override
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|.*\\| ([^|]*) \\|$").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = strings.HasPrefix(m[2], "overrides")
	}
	built := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\tVeto\w+\s+= "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		built[m[1]] = slices.Contains(failover.OperatorRules(), m[1])
	}
	if len(built) < 10 || !maps.Equal(documented, built) {
		t.Errorf("docs/rules.md has %v, failover/rules.go %v", documented, built)
	}
}

// TestAlarmsAreDocumented compares docs/webhooks.md with the names in the source.
func TestAlarmsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| alarm | what needs")
	table, _, _ = strings.Cut(table, "##")
	source, err := os.ReadFile("../../failover/controller/alarm.go")
	if err != nil {
		t.Fatal(err)
	}
	names := func(re, s string) (out []string) {
		for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(s, -1) {
			out = append(out, m[1])
		}
		slices.Sort(out)
		return out
	}
	documented := names("(?m)^\\| `([a-z-]+)` \\|", table)
	built := append(names(`(?m)^\tAlarm\w+\s+= "([a-z-]+)"`, string(source)), "backup") // which the program itself tells
	slices.Sort(built)
	if len(built) < 10 || !slices.Equal(documented, built) {
		t.Errorf("docs/webhooks.md has %v, failover/controller/alarm.go %v", documented, built)
	}
}
