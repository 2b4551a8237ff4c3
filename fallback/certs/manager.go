package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Manager holds the certificates of the managed hosts and keeps them fresh. Create it with New
// and end it with Stop.
type Manager struct {
	options  Options
	log      *slog.Logger
	store    *store
	issuer   issuer
	internal internal

	hosts atomic.Pointer[map[string]*entry] // by name: lower case, without final dot

	mu       sync.Mutex // guards what entries say is guarded, and the following
	running  int        // attempts in progress
	paused   time.Time  // no attempt before this time
	failures int        // of the CA as such, in a row
	reported time.Time  // when the CA's trouble was last said

	wake   chan struct{}
	stop   context.CancelFunc
	closed chan struct{}
}

// issuer obtains a certificate: key and chain in PEM. Its errors are of type *issueError.
type issuer interface {
	issue(ctx context.Context, name string, replaces *x509.Certificate) ([]byte, error)
	close() // lets go of connections
}

// entry is one managed host.
type entry struct {
	name string
	held atomic.Pointer[held] // nil: none

	// Guarded by Manager.mu.
	due      time.Time // of the next attempt
	busy     bool      // an attempt is in progress
	failures int       // in a row
	err      error     // of the newest attempt; nil: it went well
	reported report
}

// New opens the store and starts to look after whatever Manage will name. Nothing is asked of the
// network before that.
func New(options Options) (*Manager, error) {
	store, err := newStore(options.Dir)
	if err != nil {
		return nil, err
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.Directory == "" {
		return start(options, store, &byHand{store}), nil
	}
	if options.Solver == nil {
		return nil, errors.New("certificates need a DNS provider for DNS-01; try: acme.dns in the configuration")
	}
	return start(options, store, newACME(options, store)), nil
}

func start(options Options, store *store, issuer issuer) *Manager {
	ctx, cancel := context.WithCancel(context.Background())
	m := &Manager{
		options: options, log: options.Log, store: store, issuer: issuer,
		wake: make(chan struct{}, 1), stop: cancel, closed: make(chan struct{}),
	}
	m.hosts.Store(&map[string]*entry{})
	go func() {
		defer close(m.closed)
		m.run(ctx)
		issuer.close()
	}()
	return m
}

// Manage replaces the set of hosts (canonical, wildcards included). It reads what is on disk for
// new ones and returns; certificates that are missing or due are obtained in the background.
// Those of hosts that left the set stay on disk. The error names hosts that cannot be names of
// certificates; the others are managed all the same.
func (m *Manager) Manage(ctx context.Context, hosts []string) error {
	old, next := *m.hosts.Load(), map[string]*entry{}
	var fresh []*entry
	var bad []error
	for _, host := range hosts {
		name := strings.ToLower(strings.TrimSuffix(host, "."))
		switch {
		case !valid(name):
			bad = append(bad, fmt.Errorf("%q cannot have a certificate: not a host name", host))
		case next[name] != nil:
		case old[name] != nil:
			next[name] = old[name]
		default:
			next[name] = &entry{name: name}
			fresh = append(fresh, next[name])
		}
	}
	m.load(ctx, fresh)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("certificates: the set of hosts was left as it was: %w", err)
	}
	m.hosts.Store(&next)
	m.internal.forget(func(name string) bool { return next[name] != nil })
	m.poke()
	return errors.Join(bad...)
}

// valid tells whether a name can be in a certificate, and in a file name.
func valid(name string) bool {
	name = strings.TrimPrefix(name, "*.")
	if len(name) > 240 || !strings.Contains(name, ".") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// load reads certificates from disk, in parallel.
func (m *Manager) load(ctx context.Context, entries []*entry) {
	work := make(chan *entry)
	var readers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		readers.Go(func() {
			for e := range work {
				m.read(e)
			}
		})
	}
	for _, e := range entries {
		if ctx.Err() != nil {
			break
		}
		work <- e
	}
	close(work)
	readers.Wait()
}

// read takes a host's certificate from disk.
func (m *Manager) read(e *entry) {
	h, err := m.store.load(e.name)
	switch {
	case err == nil:
		e.held.Store(h)
		e.due = m.renewAt(e.name, h)
	case !errors.Is(err, fs.ErrNotExist):
		m.log.Error("a stored certificate is damaged or unreadable; a new one is obtained", "host", e.name, "err", err)
	}
}

// GetCertificate returns the certificate for a server name, never blocks on the network, and
// returns nil without an error for a name that is not managed. A host without any certificate
// gets an internal one that browsers refuse, rather than a failed handshake.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	e := m.find(strings.ToLower(strings.TrimSuffix(hello.ServerName, ".")))
	if e == nil {
		return nil, nil
	}
	if h := e.held.Load(); h != nil {
		return h.tls, nil
	}
	c, made, err := m.internal.certificate(e.name)
	if made {
		m.log.Error(NoValid+": visitors are served an internal one that browsers refuse; see the host's certificate in: failover status", "host", e.name)
	}
	return c, err
}

// find returns the entry for a name: its own, or that of the nearest wildcard above it.
func (m *Manager) find(name string) *entry {
	hosts := *m.hosts.Load()
	if e := hosts[name]; e != nil || len(name) > 253 {
		return e
	}
	for {
		_, parent, found := strings.Cut(name, ".")
		if !found {
			return nil
		}
		if e := hosts["*."+parent]; e != nil {
			return e
		}
		name = parent
	}
}

// Stop ends all attempts in progress and returns when they have. Challenge records are still
// removed, for some seconds at most. What is held can still be served afterwards.
func (m *Manager) Stop() {
	m.stop()
	<-m.closed
}

func (m *Manager) poke() {
	select {
	case m.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Trouble returns what is wrong with the certificate of a host (canonical), "" if nothing is or if the
// host is not managed; and whether it presses: half of the time that there was to renew it is over.
func (m *Manager) Trouble(host string) (why string, presses bool) {
	e := (*m.hosts.Load())[strings.TrimSuffix(host, ".")]
	if e == nil {
		return "", false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	why, presses = e.status(now).Err, true
	if h := e.held.Load(); h != nil {
		ends := h.leaf().NotAfter
		presses = ends.Sub(now) < ends.Sub(m.renewAt(e.name, h))/2
	}
	return why, why != "" && presses
}
