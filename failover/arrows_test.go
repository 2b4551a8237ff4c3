package failover_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/failover-dns/failover/"

// forbidden lists who may not import whom, and why. A prefix stands for the folder and all below.
var forbidden = []struct{ from, to, why string }{
	{"failover", "", "the domain holds rules alone, so that they can be tested and fuzzed without a world"},
	{"failover/probe", "*", "a look knows the domain and nothing else of ours"},
	{"failover/journal", "*", "the journal stores entries, whatever they are about"},
	{"failover/controller", "*", "the loop acts through contracts, so that it can be played in virtual time"},
	{"failover/admin", "*", "the door hands on to an interface"},
	{"failover/webhook", "*", "a hook sends what it is given"},
	{"dnsproviders", "*", "a provider moves names and decides nothing"},
	{"fallback", "*", "the web server answers from what was published, whatever happens to the rest"},
	{"site", "*", "pages are made from values"},
	{"config", "*", "a configuration becomes domain values and starts nothing"},
}

// friends are the exceptions: part of the same thing, or tests' own.
var friends = map[string][]string{
	"dnsproviders": {"dnsproviders"},
	"fallback":     {"fallback"},
}

func TestImportArrows(t *testing.T) {
	root := ".."
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator)))
		if d.IsDir() && (rel == "e2e" || strings.HasPrefix(d.Name(), ".") && rel != root || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(rel))
		for _, spec := range file.Imports {
			target, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			seen++
			if why := wrong(folder, target); why != "" {
				t.Errorf("%s imports %s: %s", rel, target, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Fatalf("only %d imports were seen: the test looks in the wrong place", seen)
	}
}

// wrong tells why a folder may not import a package, or "".
func wrong(folder, target string) string {
	own, ours := strings.CutPrefix(target, module)
	for _, rule := range forbidden {
		if folder != rule.from && (rule.to == "" || !strings.HasPrefix(folder, rule.from+"/")) {
			continue
		}
		if rule.to == "" && strings.Contains(strings.Split(target, "/")[0], ".") {
			return rule.why
		}
		if rule.to == "*" && ours && own != "failover" && !befriended(folder, own) {
			return rule.why
		}
	}
	if folder != "failover" && ours && strings.HasPrefix(own, "cmd/") {
		return "cmd puts everything together, so nothing can stand on it"
	}
	return ""
}

func befriended(folder, own string) bool {
	for top, list := range friends {
		if folder != top && !strings.HasPrefix(folder, top+"/") {
			continue
		}
		for _, f := range list {
			if own == f || strings.HasPrefix(own, f+"/") {
				return !strings.Contains(own, "zonetest")
			}
		}
	}
	return false
}
