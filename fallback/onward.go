package fallback

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// OnwardHeader marks a request that was handed on. One that bears it is not handed on again, so
// that an "origin" that leads back to us, or to another fallback, makes no loop.
const OnwardHeader = "X-Failover-Onward"

// mayPass tells whether a request can be handed on as it is. What cannot gets the page.
func mayPass(r *http.Request) bool {
	return r.URL.Path != StatusPath && r.URL.Path != ReadyPath &&
		len(r.Header[OnwardHeader]) == 0 &&
		r.Method != http.MethodConnect &&
		r.URL.Opaque == "" &&
		plainHost(r.Host)
}

// plainHost tells whether a host is a name with at most a port behind it (RFC 9110 section 7.2):
// what the origin is told must not be read by it in another way than by us.
func plainHost(host string) bool {
	name, port, found := strings.Cut(host, ":")
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); found && err != nil {
		return false
	}
	return true
}

// exchange is one request that is handed on, and its answer.
type exchange struct {
	server  *Server
	entry   *entry
	request *http.Request // as it came
	last    bool          // the visitor's connection ends with it
	control *http.ResponseController
	cancel  context.CancelFunc
	stall   time.Duration

	mu    sync.Mutex
	over  bool
	timer *time.Timer
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange {
	return r.Context().Value(exchangeKey{}).(*exchange)
}

// handOn lets the site's own server answer. If it cannot, the visitor gets the page.
func (s *Server) handOn(w http.ResponseWriter, r *http.Request, e *entry, last bool) {
	o := e.origin
	if !s.onward.enter(o) {
		s.counts.stranded.Add(1)
		s.serveHost(w, r, e, last)
		return
	}
	defer s.onward.leave(o)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.onward.ctx, cancel)()
	x := &exchange{server: s, entry: e, request: r, last: last, cancel: cancel,
		control: http.NewResponseController(w), stall: s.onward.patience.stall}
	x.begin()
	defer x.end()
	o.proxy.ServeHTTP(w, r.WithContext(context.WithValue(ctx, exchangeKey{}, x)))
}

// begin replaces the server's deadlines, which are for a page, by one that moves along.
func (x *exchange) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.control.SetReadDeadline(time.Time{})
	x.control.SetWriteDeadline(time.Time{})
	x.timer = time.AfterFunc(x.stall, x.stalled)
}

// moved notes that a byte came from either side.
func (x *exchange) moved() { x.timer.Reset(x.stall) }

// stalled frees whoever waits for the visitor or for the origin.
func (x *exchange) stalled() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over {
		x.cancel()
		x.control.SetReadDeadline(time.Unix(1, 0))
		x.control.SetWriteDeadline(time.Unix(1, 0))
	}
}

// end puts the server's deadlines back, for the rest of the request and for the page. A response
// must not be touched after its handler returned.
func (x *exchange) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.over {
		return
	}
	x.over = true
	x.timer.Stop()
	x.control.SetReadDeadline(time.Now().Add(readTimeout))
	x.control.SetWriteDeadline(time.Now().Add(writeTimeout))
}

// rewrite makes the request for the origin. The address is that of the visitor's host, which the
// transport takes for SNI and for the certificate; where it dials is not taken from there.
func (o *origin) rewrite(p *httputil.ProxyRequest) {
	scheme, port := "http", o.at.HTTP
	if p.In.TLS != nil {
		scheme, port = "https", o.at.HTTPS
	}
	in := p.In.URL
	p.Out.URL = &url.URL{Scheme: scheme, Host: net.JoinHostPort(hostname(p.In.Host), strconv.Itoa(int(port))),
		Path: in.Path, RawPath: in.RawPath, RawQuery: in.RawQuery, ForceQuery: in.ForceQuery}
	p.Out.Host = p.In.Host
	p.Out.Trailer = p.In.Trailer // its values come when the body has been read
	p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
	p.SetXForwarded()
	p.Out.Header.Set(OnwardHeader, o.site)
	if p.Out.Body != nil {
		p.Out.Body = &watchedBody{p.Out.Body, exchangeOf(p.Out)}
	}
}

// answered makes the origin's answer the visitor's.
func (o *origin) answered(resp *http.Response) error {
	x := exchangeOf(resp.Request)
	o.failing.Store(false)
	x.server.counts.onward.Add(1)
	resp.Header.Del("Alt-Svc") // it would keep visitors here
	resp.Header.Set(SiteHeader, o.site)
	switch conn, upgraded := resp.Body.(io.ReadWriteCloser); {
	case resp.StatusCode == http.StatusSwitchingProtocols && upgraded:
		context.AfterFunc(o.ctx, x.cancel)
		resp.Body = &watchedConn{conn, x}
	default:
		if x.last {
			resp.Header["Connection"] = closing
		}
		resp.Body = &watchedBody{resp.Body, x}
	}
	return nil
}

// failed answers when the origin does not.
func (o *origin) failed(w http.ResponseWriter, r *http.Request, err error) {
	x := exchangeOf(r)
	x.end()
	if x.request.Context().Err() == nil { // else it was the visitor who left, or fell silent
		x.server.counts.stranded.Add(1)
		if o.failing.CompareAndSwap(false, true) {
			o.forwarder.log.Warn("visitors cannot be handed on to the origin and get the page", "site", o.site, "err", err)
		}
	}
	x.server.serveHost(w, x.request, x.entry, x.last)
}

// watchedBody is a body in whose movement an exchange lives on.
type watchedBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.exchange.moved()
	return n, err
}

// watchedConn is a connection to the origin that was upgraded.
type watchedConn struct {
	io.ReadWriteCloser
	exchange *exchange
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	c.exchange.moved()
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.exchange.moved()
	return c.ReadWriteCloser.Write(p)
}

// CloseWrite tells the origin that the visitor has said everything.
func (c *watchedConn) CloseWrite() error {
	if half, ok := c.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
