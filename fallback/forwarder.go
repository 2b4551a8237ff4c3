package fallback

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Bounds of handing on.
const (
	onwardRetry      = 30 * time.Second // what visitors are told to wait when it fails
	onwardRequests   = 2_000            // at a time, of all sites
	onwardShare      = 4                // a site gets one part in so many
	idleOrigin       = 2 * time.Second  // for which a connection is kept; shorter than any server keeps it
	idleConnections  = 16               // so many of each origin
	maxOriginHeader  = 256 << 10
	handshakeWithOne = 5 * time.Second
)

// patience is how long an origin and a visitor may take.
type patience struct {
	dial   time.Duration // for one address
	answer time.Duration // from the end of the request to the header of the answer
	stall  time.Duration // in which not one byte moves
}

// forwarder hands requests on to origins, bounded in total and for each site.
type forwarder struct {
	total, perSite int
	patience       patience
	roots          *x509.CertPool
	log            *slog.Logger
	buffers        *buffers

	ctx context.Context // ends with the server
	end context.CancelFunc

	mu      sync.Mutex
	stopped bool
	active  int                   // requests
	open    map[net.Conn]struct{} // connections to origins
	origins map[string]*origin    // by site
	running sync.WaitGroup        // one for each request
}

func newForwarder(o Options, log *slog.Logger) *forwarder {
	total := o.MaxOnward
	if total <= 0 {
		total = onwardRequests
	}
	if descriptors := maxDescriptors(); descriptors > 0 {
		total = min(total, descriptors/4)
	}
	total = max(1, total)
	f := &forwarder{
		total: total, perSite: max(1, total/onwardShare), roots: o.OriginRoots, log: log, buffers: &buffers{},
		patience: patience{dial: 2 * time.Second, answer: 30 * time.Second, stall: 2 * time.Minute},
		open:     map[net.Conn]struct{}{},
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

// set makes the origins of exactly these notices, by site, and returns those that are gone, for
// the caller to end. An origin that is as it was keeps its connections.
func (f *forwarder) set(notices []failover.Notice) (now map[string]*origin, gone []*origin) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now = map[string]*origin{}
	for _, n := range notices {
		switch old := f.origins[n.Site]; {
		case n.Onward == nil || len(n.Onward.Addresses) == 0:
		case old != nil && old.is(*n.Onward):
			now[n.Site] = old
		default:
			now[n.Site] = f.newOrigin(n.Site, *n.Onward)
		}
	}
	for site, old := range f.origins {
		if now[site] != old {
			gone = append(gone, old)
		}
	}
	f.origins = now
	return now, gone
}

// enter takes a place for a request, and tells whether there was one.
func (f *forwarder) enter(o *origin) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped || f.active >= f.total || o.active >= f.perSite {
		return false
	}
	f.active++
	o.active++
	f.running.Add(1)
	return true
}

func (f *forwarder) leave(o *origin) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active--
	o.active--
	f.running.Done()
}

// stop cuts off what is under way, and returns when every request has ended.
func (f *forwarder) stop() {
	f.mu.Lock()
	f.stopped = true
	f.mu.Unlock()
	f.end()
	f.running.Wait()
	f.mu.Lock()
	left := f.open
	f.open = nil
	f.mu.Unlock()
	for conn := range left {
		conn.Close()
	}
}

var errBusy = errors.New("too many connections to origins")

// keep counts a connection to an origin, which is forgotten when it is closed.
func (f *forwarder) keep(conn net.Conn) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil || len(f.open) >= f.total {
		conn.Close()
		return nil, errBusy
	}
	kept := &counted{Conn: conn}
	kept.release = sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.open, kept)
	})
	f.open[kept] = struct{}{}
	return kept, nil
}

// buffers lends out what bodies are copied through.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return buffer[:]
	}
	return make([]byte, bufferSize)
}

func (b *buffers) Put(buffer []byte) { b.pool.Put((*[bufferSize]byte)(buffer)) }
