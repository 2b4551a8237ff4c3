package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// store keeps one file per certificate and per account. It has one owner at a time: the journal's
// lock on the data directory sees to that.
type store struct{ dir string }

const (
	temporary = ".new-"
	// source begins the explanatory line (RFC 7468 section 5.2) that says where a certificate
	// came from.
	source = "# ACME directory: "
)

// newStore makes the directories and removes what a crash left behind.
func newStore(dir string) (*store, error) {
	s := &store{dir}
	for _, sub := range []string{"certs", "accounts"} {
		path := filepath.Join(dir, sub)
		if err := os.MkdirAll(path, 0o700); err != nil {
			return nil, fmt.Errorf("the certificates' directory cannot be made: %w; try: another controller.data_dir, or its owner", err)
		}
		left, _ := filepath.Glob(filepath.Join(path, temporary+"*"))
		for _, file := range left {
			os.Remove(file)
		}
	}
	return s, nil
}

// certificate returns the path of a host's file. A wildcard's name is written without the star,
// for the shell's sake.
func (s *store) certificate(name string) string {
	if parent, wildcard := strings.CutPrefix(name, "*."); wildcard {
		name = "_wildcard_." + parent
	}
	return filepath.Join(s.dir, "certs", name+".pem")
}

// load reads a host's certificate. The error matches fs.ErrNotExist when there is none.
func (s *store) load(name string) (*held, error) {
	text, err := os.ReadFile(s.certificate(name))
	if err != nil {
		return nil, err
	}
	h, err := parse(name, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.certificate(name), err)
	}
	return h, nil
}

// save replaces a host's certificate durably.
func (s *store) save(name, directory string, pair []byte) error {
	return write(s.certificate(name), append([]byte(source+directory+"\n"), pair...))
}

// writable finds out whether a certificate could be saved, before one is asked for: what cannot
// be saved would be lost, and CAs count.
func (s *store) writable() error {
	name, err := scratch(filepath.Join(s.dir, "certs"), make([]byte, 16<<10))
	if err != nil {
		return err
	}
	return os.Remove(name)
}

// accountKey returns the key of the account for a directory and e-mail, a new one the first time.
func (s *store) accountKey(directory, email string) (key *ecdsa.PrivateKey, created bool, err error) {
	sum := sha256.Sum256([]byte(directory + "\n" + email))
	path := filepath.Join(s.dir, "accounts", hex.EncodeToString(sum[:8])+".pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, false, err
		}
		block, err := keyPEM(key)
		if err != nil {
			return nil, false, err
		}
		return key, true, write(path, append([]byte(source+directory+"\n"), block...))
	}
	if err != nil {
		return nil, false, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, false, fmt.Errorf("%s holds no key; try: remove the file, and a new account is made", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w; try: remove the file, and a new account is made", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, false, fmt.Errorf("%s: not an ECDSA key; try: remove the file, and a new account is made", path)
	}
	return key, false, nil
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// held is a certificate with its key, ready to serve.
type held struct {
	tls       *tls.Certificate
	directory string // that issued it; empty: it was put there by hand
}

func (h *held) leaf() *x509.Certificate { return h.tls.Leaf }

// parse reads key and chain, and checks that they belong together and to the host. Damage shows
// as a key that does not fit, or as a signature that the next certificate of the chain did not make.
func parse(name string, text []byte) (*held, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	if err := pair.Leaf.VerifyHostname(name); err != nil {
		return nil, err
	}
	child := pair.Leaf
	for _, der := range pair.Certificate[1:] {
		parent, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		if err := child.CheckSignatureFrom(parent); err != nil {
			return nil, fmt.Errorf("the chain is broken at %q: %w", parent.Subject, err)
		}
		child = parent
	}
	h := &held{tls: &pair}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if url, found := strings.CutPrefix(string(line), source); found {
		h.directory = url
	}
	return h, nil
}

// write replaces a file so that after a crash either the old or the new content is there, whole.
func write(path string, content []byte) error {
	name, err := scratch(filepath.Dir(path), content)
	if err != nil {
		return err
	}
	if err := os.Rename(name, path); err != nil {
		os.Remove(name)
		return err
	}
	return syncDir(filepath.Dir(path))
}

// scratch writes a new file, mode 0600, and syncs it.
func scratch(dir string, content []byte) (name string, err error) {
	f, err := os.CreateTemp(dir, temporary+"*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// syncDir makes a rename durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
