package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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

// lineAt returns the line that holds the byte at offset, without its end.
func lineAt(text []byte, offset int) string {
	offset = max(0, min(offset, len(text)))
	start := bytes.LastIndexByte(text[:offset], '\n') + 1
	first, _, _ := bytes.Cut(text[start:], []byte("\n"))
	return strings.TrimRight(string(first), "\r")
}
