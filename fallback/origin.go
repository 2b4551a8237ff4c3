package fallback

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/failover-dns/failover/failover"
)

// origin is a site's own server, reached by its addresses and nothing else.
type origin struct {
	site      string
	at        failover.Onward
	forwarder *forwarder
	transport *http.Transport
	proxy     *httputil.ReverseProxy

	ctx    context.Context // ends when visitors are not handed on there any more
	cancel context.CancelFunc

	active  int           // requests; guarded by forwarder.mu
	best    atomic.Uint32 // index of the address that answered last
	failing atomic.Bool   // the last request could not be handed on
}

func (f *forwarder) newOrigin(site string, at failover.Onward) *origin {
	o := &origin{site: site, at: at, forwarder: f}
	o.ctx, o.cancel = context.WithCancel(f.ctx)
	// HTTP/1.1 only: it carries WebSockets, and one slow visitor holds up nobody else.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	o.transport = &http.Transport{
		DialContext:            o.dial,
		TLSClientConfig:        &tls.Config{RootCAs: f.roots, InsecureSkipVerify: at.SkipVerify},
		TLSHandshakeTimeout:    handshakeWithOne,
		DisableCompression:     true, // what the visitor asked for
		MaxIdleConns:           idleConnections,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleOrigin,
		ResponseHeaderTimeout:  f.patience.answer,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxOriginHeader,
		Protocols:              protocols,
	}
	o.proxy = &httputil.ReverseProxy{
		Transport: o.transport, Rewrite: o.rewrite, ModifyResponse: o.answered, ErrorHandler: o.failed,
		FlushInterval: -1, BufferPool: f.buffers, ErrorLog: quiet(f.log),
	}
	return o
}

func (o *origin) is(at failover.Onward) bool {
	return slices.Equal(o.at.Addresses, at.Addresses) && o.at.HTTP == at.HTTP && o.at.HTTPS == at.HTTPS && o.at.SkipVerify == at.SkipVerify
}

// end lets ordinary requests end by themselves, and ends what would otherwise stay: connections
// that were upgraded, whose visitors come back by the name, and idle ones.
func (o *origin) end() {
	o.cancel()
	o.transport.CloseIdleConnections()
}

// dial connects to one of the origin's addresses, beginning with the one that answered last. Of
// what it is asked for, only the port counts, which is the origin's; no name is ever looked up.
func (o *origin) dial(ctx context.Context, _, asked string) (net.Conn, error) {
	_, text, err := net.SplitHostPort(asked)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: o.forwarder.patience.dial}
	var failed []error
	first := int(o.best.Load())
	for i := range o.at.Addresses {
		k := (first + i) % len(o.at.Addresses)
		conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(o.at.Addresses[k], uint16(port)).String())
		if err == nil {
			o.best.Store(uint32(k))
			return o.forwarder.keep(conn)
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}
