package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// source is the text of one file.
type source struct {
	name string // as messages show it
	dir  string // what relative paths in it are relative to
	text []byte
}

// mostBytes bounds what is read of one file, in bytes.
const mostBytes = 4 << 20

// read returns the files that path stands for: itself, or the configuration files of the directory.
func read(path string) ([]source, error) {
	names, err := files(path)
	if err != nil {
		return nil, err
	}
	var out []source
	for _, name := range names {
		text, err := readRegular(name, mostBytes)
		if err != nil {
			return nil, fmt.Errorf("read the configuration: %w", err)
		}
		out = append(out, source{name: name, dir: filepath.Dir(name), text: text})
	}
	return out, nil
}

// files lists the files that path stands for, in order of name.
func files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w; try: failover init, which writes a starter file", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	var names []string
	for _, e := range entries {
		if isConfig(e.Name()) && !e.IsDir() {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("read the configuration: directory %s holds no *.hcl and no *.hcl.json file; try: failover init, which writes a starter file", path)
	}
	return names, nil
}

// isConfig tells whether a file of this name in a directory is read. Hidden files, which editors
// and Kubernetes leave around, are not.
func isConfig(name string) bool {
	return !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json"))
}

// readRegular reads a whole regular file of at most so many bytes. Anything else (a device, a pipe)
// could block or never end.
func readRegular(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return text, err
}

// widest is the most of a line that is shown, in bytes. Programs write JSON without line ends.
const widest = 200

// excerpt returns the line that holds the byte at offset, or the part around it of a long line, and
// how many characters of it are before the offset.
func excerpt(text []byte, offset int) (line string, before int) {
	offset = max(0, min(offset, len(text)))
	from, to := max(0, offset-widest/2), min(len(text), offset+widest/2)
	head, tail := text[from:offset], text[offset:to]
	lead, trail := "...", "..."
	if at := bytes.LastIndexByte(head, '\n'); at >= 0 {
		head, lead = head[at+1:], ""
	} else if from == 0 {
		lead = ""
	}
	if at := bytes.IndexByte(tail, '\n'); at >= 0 {
		tail, trail = tail[:at], ""
	} else if to == len(text) {
		trail = ""
	}
	shown := lead + strings.ToValidUTF8(string(head), "")
	rest := strings.TrimRight(strings.ToValidUTF8(string(tail), ""), "\r")
	return shown + rest + trail, utf8.RuneCountInString(shown)
}
