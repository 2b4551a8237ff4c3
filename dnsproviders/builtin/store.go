package builtin

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// sumPrefix begins the first line of a zone file: a SHA-256 of the rest, so that damage is found.
const sumPrefix = "; sha256 "

// errNotSynced says that a zone file was replaced but may not survive a power cut.
var errNotSynced = errors.New("the zone file is written but not known to be on disk")

// fileName returns where a zone is kept; "" without a directory.
func fileName(dir, apex string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, url.PathEscape(strings.TrimSuffix(apex, "."))+".zone")
}

// save writes the zone as a master file, atomically and durably.
func save(file string, c *content) error {
	if file == "" {
		return nil
	}
	var body bytes.Buffer
	for _, rr := range c.rrs() {
		body.WriteString(rr.String() + "\n")
	}
	text := append(fmt.Appendf(nil, "%s%x\n", sumPrefix, sha256.Sum256(body.Bytes())), body.Bytes()...)
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := writeSynced(dir, file, text); err != nil {
		return err
	}
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("%w: %w", errNotSynced, err)
	}
	return nil
}

// writeSynced replaces the file by one with the text; on an error the old file is as it was.
func writeSynced(dir, file string, text []byte) (err error) {
	tmp, err := os.CreateTemp(dir, ".zone-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(text); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// load reads a zone file; found is false if there is none. A damaged file is an error: a seed in
// its place would bring back old records.
func load(file, apex string) (c *content, found bool, err error) {
	if file == "" {
		return nil, false, nil
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if c, err = decode(text, file, apex); err != nil {
		return nil, false, fmt.Errorf("%s: %w; try: put back a good copy, or move the file away to start from the configured records", file, err)
	}
	return c, true, nil
}

// decode checks the sum and parses a zone file.
func decode(text []byte, file, apex string) (*content, error) {
	first, body, _ := bytes.Cut(text, []byte("\n"))
	if want := fmt.Sprintf("%s%x", sumPrefix, sha256.Sum256(body)); string(first) != want {
		return nil, errors.New("the file is damaged or was edited, its checksum does not match")
	}
	var rrs []dns.RR
	p := dns.NewZoneParser(bytes.NewReader(body), apex, file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rrs = append(rrs, rr)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return newContent(apex, rrs)
}
