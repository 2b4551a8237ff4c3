package site

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// chapter is one "##" section of docs/page.md.
type chapter struct {
	title, text string
	files       map[string]string // fenced "markdown FILE" blocks
	fenced      map[string]string // the last fenced block of each other kind
}

func chapters(t *testing.T) map[string]chapter {
	t.Helper()
	data, err := os.ReadFile("../docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]chapter{}
	fences := regexp.MustCompile("(?ms)^```(\\w+) ?([\\w.-]*)\n(.*?)^```$")
	// A heading inside an example is no chapter: the fences are set aside first.
	var blocks [][]string
	text := fences.ReplaceAllStringFunc(string(data), func(s string) string {
		blocks = append(blocks, fences.FindStringSubmatch(s))
		return "\x00"
	})
	for _, part := range strings.Split(text, "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		c := chapter{title, body, map[string]string{}, map[string]string{}}
		before := strings.Count(text[:strings.Index(text, part)], "\x00")
		for _, b := range blocks[before : before+strings.Count(part, "\x00")] {
			if b[2] != "" {
				c.files[b[2]] = b[3]
			} else {
				c.fenced[b[1]] = b[3]
			}
		}
		all[title] = c
	}
	return all
}

// TestDocsExamples loads every example of docs/page.md; the broken one must give the very
// complaints that are shown.
func TestDocsExamples(t *testing.T) {
	loaded := 0
	for _, c := range chapters(t) {
		if len(c.files) == 0 {
			continue
		}
		dir := pages(t, c.files)
		s, err := Load(dir)
		if want := c.fenced["text"]; want != "" {
			if got := strings.ReplaceAll(errorText(err), dir+string(filepath.Separator), "") + "\n"; got != want {
				t.Errorf("%s: got\n%swant\n%s", c.title, got, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.title, err)
			continue
		}
		mustRender(t, s, outage())
		loaded++
	}
	if loaded != 4 {
		t.Errorf("%d good examples, want 4", loaded)
	}
}

// TestDocsKeys compares the documented keys and labels with the built ones.
func TestDocsKeys(t *testing.T) {
	documented := func(title string) []string {
		var keys []string
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(chapters(t)[title].text, -1) {
			for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(row[1], -1) {
				keys = append(keys, m[1])
			}
		}
		return slices.Sorted(slices.Values(keys))
	}
	built := slices.Sorted(maps.Keys((&frontMatter{}).keys(&reader{})))
	if got := documented("The front matter"); !slices.Equal(got, built) {
		t.Errorf("documented keys %q, built %q", got, built)
	}
	built = slices.Sorted(maps.Keys((&words{}).fields()))
	if got := documented("Labels"); !slices.Equal(got, built) {
		t.Errorf("documented labels %q, built %q", got, built)
	}
}

// TestDocsProblem compares the documented problem document with what the page of the chapter on
// languages gives.
func TestDocsProblem(t *testing.T) {
	all := chapters(t)
	n := mustRender(t, mustLoad(t, pages(t, all["Languages"].files)), outage())
	if want := all["What goes over the wire"].fenced["json"]; string(n.Problem)+"\n" != want {
		t.Errorf("got  %s\nwant %s", n.Problem, want)
	}
}

// TestEmbeddedWords: every label is there in every language that is built in.
func TestEmbeddedWords(t *testing.T) {
	all, err := embeddedWords()
	if err != nil {
		t.Fatal(err)
	}
	for lang, w := range all {
		for key, value := range w.fields() {
			if *value == "" {
				t.Errorf("%s has no %s", lang, key)
			}
		}
	}
	if len(all) != 2 {
		t.Errorf("words in %d languages, want 2", len(all))
	}
	var raw map[string]map[string]string
	data, _ := embedded.ReadFile("default/words.yaml")
	if err := yaml.Unmarshal(data, &raw); err != nil || len(raw["ja"]) != len(raw["en"]) {
		t.Errorf("words.yaml: %v", err)
	}
}
