package site

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

// Source is a page directory, read and checked. It is safe for concurrent use.
type Source struct {
	Dir       string // as given to Load
	documents []document
	program   *program
	sum       [sha256.Size]byte // of all page files

	mu   sync.Mutex
	last map[string]rendering // newest rendering, by site
}

// document is the page in one language, all of it decided but what belongs to a site.
type document struct {
	page       *frontMatter // as written
	lang       language.Tag
	title      string
	summary    string
	since      time.Time // zero: as the controller knows it
	nextUpdate time.Time
	zone       *time.Location
	retryAfter time.Duration // 0: as the site says
	fraud      string
	contact    contact
	links      []link
	words      words
	body       string // sanitised HTML
}

// Load reads page.md and its translations page.<language>.md in dir and checks everything. A
// directory without pages, and the empty dir, give the embedded pages. The error joins one
// [Problem] for each mistake.
func Load(dir string) (*Source, error) { return newProgram().load(dir) }

// load is Load with the embedded files at hand.
func (p *program) load(dir string) (*Source, error) {
	files, err := readPages(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return &Source{Dir: dir, documents: p.defaults, program: p, sum: sum(nil)}, nil
	}
	pages, problems := parsePages(files)
	if pages[0].file != filepath.Join(dir, "page.md") {
		problems = append(problems, &Problem{File: dir, What: "there are translations, but no page.md",
			Try: "page.md for everybody whose language has no page"})
	}
	var documents []document
	for _, fm := range pages {
		var first *document
		if len(documents) > 0 {
			first = &documents[0]
		}
		d, found := p.resolve(fm, first)
		problems = append(problems, found...)
		for _, other := range documents {
			if other.lang == d.lang {
				problems = append(problems, &Problem{File: fm.file,
					What: fmt.Sprintf("a second page in %q", d.lang), Try: "one page for each language; lang in page.md says which is its own"})
			}
		}
		documents = append(documents, d)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return &Source{Dir: dir, documents: documents, program: p, sum: sum(files)}, nil
}

// pageFile is one file of a page directory.
type pageFile struct {
	path string
	data []byte
}

// readPages returns the page files of a directory, page.md first, the others by name.
func readPages(dir string) ([]pageFile, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Problem{File: dir, What: "there is no such directory", Try: "make it, or leave page out for the embedded page"}
	}
	if err != nil {
		return nil, &Problem{File: dir, What: fmt.Sprintf("cannot be read: %v", err), Try: "let the controller's user read it"}
	}
	name := regexp.MustCompile(`^page(\.[^.]+)?\.md$`)
	var files []pageFile
	for _, e := range entries {
		if !name.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, &Problem{File: path, What: fmt.Sprintf("cannot be read: %v", err), Try: "let the controller's user read it"}
		}
		files = append(files, pageFile{path, data})
	}
	slices.SortFunc(files, func(a, b pageFile) int { // ".md" before ".de.md"
		return strings.Compare(strings.TrimSuffix(a.path, ".md"), strings.TrimSuffix(b.path, ".md"))
	})
	return files, nil
}

// parsePages parses files and sets the language of each: the one in its name, or for page.md the
// one it says, English by default.
func parsePages(files []pageFile) ([]*frontMatter, []error) {
	var pages []*frontMatter
	var problems []error
	for _, f := range files {
		fm, found := parsePage(f.path, f.data)
		problems = append(problems, found...)
		name := strings.TrimSuffix(filepath.Base(f.path), ".md")
		if suffix := strings.TrimPrefix(strings.TrimPrefix(name, "page"), "."); suffix != "" {
			if fm.lang.given() && !strings.EqualFold(fm.lang.text, suffix) {
				problems = append(problems, &Problem{File: f.path, Line: fm.lang.line,
					What: fmt.Sprintf("lang is %q, but the file's name says %q", fm.lang.text, suffix), Try: "leave lang out"})
			}
			fm.lang = scalar{suffix, fm.lang.line}
		} else if !fm.lang.given() {
			fm.lang = scalar{text: "en"}
		}
		pages = append(pages, fm)
	}
	return pages, problems
}

// sum tells the contents of a page directory apart.
func sum(files []pageFile) [sha256.Size]byte {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%q %d\n", filepath.Base(f.path), len(f.data))
		h.Write(f.data)
	}
	return [sha256.Size]byte(h.Sum(nil))
}
