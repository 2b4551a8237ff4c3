package probe

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/failover-dns/failover/failover"
)

// hop is one request of a look: where to, and the bytes to send.
type hop struct {
	at      netip.AddrPort
	url     *url.URL
	method  string
	tls     *tlsClient // nil: plain HTTP
	request []byte
}

// firstHop is the check's own request.
func (h *httpLook) firstHop(at netip.AddrPort) (*hop, error) {
	c := h.check
	path := c.Path
	if path == "" {
		path = "/"
	}
	u, err := url.ParseRequestURI(path)
	switch {
	case err != nil || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//"):
		return nil, fmt.Errorf("path %q is not the path of a URL; try: path = \"/healthz\"", path)
	case c.Host == "" || !httpguts.ValidHostHeader(c.Host):
		return nil, fmt.Errorf("host %q is not a host name", c.Host)
	}
	u.Scheme, u.Host = c.Kind, c.Host
	if strings.Contains(c.Host, ":") { // an IPv6 literal
		u.Host = "[" + c.Host + "]"
	}
	if at.Port() != defaultPort(c.Kind) {
		u.Host = net.JoinHostPort(c.Host, strconv.Itoa(int(at.Port())))
	}
	method := strings.ToUpper(c.Method)
	if method == "" {
		method = http.MethodGet
	}
	return h.newHop(u, method, at)
}

// newHop prepares the request for a URL.
func (h *httpLook) newHop(u *url.URL, method string, at netip.AddrPort) (*hop, error) {
	p := &hop{at: at, url: u, method: method}
	if u.Scheme == failover.CheckHTTPS {
		check := h.check
		check.Host = u.Hostname()
		p.tls = newTLSClient(check, h.opt, []string{"http/1.1"})
	}
	req, err := http.NewRequest(method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Close = true
	req.Header.Set("User-Agent", h.opt.UserAgent)
	if h.opt.UserAgent == "" {
		req.Header.Set("User-Agent", defaultUserAgent)
	}
	req.Header.Set("Accept", "*/*")
	if err := h.ownHeaders(req); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := req.Write(&buf); err != nil {
		return nil, err
	}
	p.request = buf.Bytes()
	return p, nil
}

// ownHeaders adds the operator's headers, which may be secret: what a check over TLS sends is not
// repeated in the clear.
func (h *httpLook) ownHeaders(req *http.Request) error {
	for name, value := range h.check.Header {
		switch http.CanonicalHeaderKey(name) {
		case "Host":
			return fmt.Errorf("the header Host cannot be set; try: host = %q", value)
		case "Connection", "Content-Length", "Transfer-Encoding", "Trailer", "Upgrade":
			return fmt.Errorf("the header %s belongs to the connection and cannot be set", name)
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("the header %q or its value has characters that HTTP does not allow", name)
		}
		if req.URL.Scheme == h.check.Kind || req.URL.Scheme == failover.CheckHTTPS {
			req.Header.Set(name, value)
		}
	}
	return nil
}

// nextHop returns where a redirect leads, or nil if the answer is none. The site's own hosts stay
// at the address being looked at: their names may point at us. Any other host is not for us to judge.
func (h *httpLook) nextHop(from *hop, resp *http.Response) (*hop, error) {
	location := resp.Header.Get("Location")
	if location == "" || !isRedirect(resp.StatusCode) {
		return nil, nil
	}
	to, err := from.url.Parse(location)
	if err != nil {
		return nil, fail(failover.CauseRedirect, "redirected to something that is no URL: %s", clip(location))
	}
	port := defaultPort(to.Scheme)
	if text := to.Port(); text != "" {
		n, _ := strconv.ParseUint(text, 10, 16)
		port = uint16(n)
	}
	if (to.Scheme != failover.CheckHTTP && to.Scheme != failover.CheckHTTPS) || port == 0 {
		return nil, fail(failover.CauseRedirect, "redirected to something that is not HTTP: %s", clip(to.Scheme))
	}
	if !h.own(to.Hostname()) {
		return nil, fail(failover.CauseRedirect, "redirected to %s, which is not a host of this site", clip(to.Hostname()))
	}
	to.User, to.Fragment = nil, ""
	method := from.method
	if resp.StatusCode <= http.StatusSeeOther && method != http.MethodHead { // RFC 9110 section 15.4
		method = http.MethodGet
	}
	next, err := h.newHop(to, method, netip.AddrPortFrom(from.at.Addr(), port))
	if err != nil {
		return nil, fail(failover.CauseRedirect, "redirected to a URL that cannot be asked for: %s", clip(err.Error()))
	}
	return next, nil
}

// own tells whether a host belongs to the site.
func (h *httpLook) own(host string) bool {
	if strings.EqualFold(host, h.check.Host) {
		return true
	}
	name := failover.CanonicalName(host)
	_, parent, _ := strings.Cut(name, ".")
	for _, own := range h.opt.Hosts {
		if own == name || own == "*."+parent {
			return true
		}
	}
	return false
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}
