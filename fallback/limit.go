package fallback

import (
	"net"
	"net/netip"
	"sync"
)

// bound counts open connections, of everybody and of each client, and turns away those above the
// limits. Its memory is bounded by the number of open connections.
type bound struct {
	total, perClient int

	mu      sync.Mutex
	open    int
	of      map[netip.Prefix]int
	refused uint64
}

const defaultConnections = 20_000

// newBound returns the limits for the options' values, where 0 means the default.
func newBound(total, perClient int) *bound {
	if total <= 0 {
		total = defaultConnections
	}
	if descriptors := maxDescriptors(); descriptors > 0 {
		total = max(1, min(total, descriptors/2))
	}
	if perClient <= 0 {
		perClient = max(1, total/20)
	}
	return &bound{total: total, perClient: perClient, of: map[netip.Prefix]int{}}
}

// listener returns inner with the limits applied. Several listeners may share one bound.
func (b *bound) listener(inner net.Listener) net.Listener { return &limited{inner, b} }

type limited struct {
	net.Listener
	bound *bound
}

// Accept returns the next connection within the limits. The others are closed at once, with a
// reset, so that they leave nothing behind.
func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := clientOf(conn.RemoteAddr())
		if l.bound.take(who) {
			return &counted{Conn: conn, release: sync.OnceFunc(func() { l.bound.release(who) })}, nil
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
	}
}

func (b *bound) take(who netip.Prefix) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= b.total || b.of[who] >= b.perClient {
		b.refused++
		return false
	}
	b.open++
	b.of[who]++
	return true
}

func (b *bound) release(who netip.Prefix) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	if b.of[who]--; b.of[who] == 0 {
		delete(b.of, who)
	}
}

func (b *bound) counts() (open, refused uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return uint64(b.open), b.refused
}

// clientOf returns what stands for one client: an IPv4 address, or the /64 that an IPv6 client
// may choose its address from.
func clientOf(addr net.Addr) netip.Prefix {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := tcp.AddrPort().Addr().Unmap()
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	prefix, _ := ip.WithZone("").Prefix(bits)
	return prefix
}

type counted struct {
	net.Conn
	release func()
}

func (c *counted) Close() error {
	defer c.release()
	return c.Conn.Close()
}

// CloseWrite lets net/http say goodbye before it closes, so that an answer sent before the whole
// request was read is not lost to a reset (RFC 9112 section 9.6).
func (c *counted) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
