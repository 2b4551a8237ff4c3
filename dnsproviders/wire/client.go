package wire

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	udpSize = 1232 // EDNS buffer size that avoids fragmentation (DNS flag day 2020)
	window  = 16   // questions under way on one connection (RFC 7766 section 6.2.1.1)
	fudge   = 300  // seconds that clocks may differ (RFC 8945 section 10)
)

// TSIG is a shared key (RFC 8945). It never prints its secret.
type TSIG struct {
	name, algorithm, secret string
}

// NewTSIG checks and returns a key. The secret is base64; the algorithm may lack the final dot.
func NewTSIG(name, algorithm, secret string) (*TSIG, error) {
	algorithm = dns.CanonicalName(algorithm)
	known := []string{dns.HmacSHA1, dns.HmacSHA224, dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512}
	if !slices.Contains(known, algorithm) {
		return nil, fmt.Errorf("unknown tsig algorithm %q; try: one of %s", algorithm, strings.Join(known, " "))
	}
	if _, ok := dns.IsDomainName(name); !ok || name == "" {
		return nil, fmt.Errorf("%q is not a name for a tsig key", name)
	}
	if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) == 0 {
		return nil, errors.New("the tsig secret is not base64; try: tsig-keygen prints one")
	}
	return &TSIG{name: dns.CanonicalName(name), algorithm: algorithm, secret: secret}, nil
}

func (k *TSIG) String() string   { return k.name + " (secret)" }
func (k *TSIG) GoString() string { return k.String() }

// Client asks one server. The zero Timeout means five seconds.
type Client struct {
	Server  string        // host:port
	Timeout time.Duration // for one call of a method
	TSIG    *TSIG         // nil: unsigned
}

// Query builds a question with EDNS. Recursion is not desired.
func Query(name string, rrtype uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, rrtype)
	m.RecursionDesired = false
	m.SetEdns0(udpSize, false)
	return m
}

// Exchange asks over UDP, and over TCP if the answer is truncated. Any response code is an
// answer; errors are of type *ExchangeError.
func (c Client) Exchange(ctx context.Context, m *dns.Msg) (*dns.Msg, error) {
	answers, err := c.talk(ctx, "udp", []*dns.Msg{m})
	if err != nil {
		return nil, err
	}
	if answers[0].Truncated {
		if answers, err = c.talk(ctx, "tcp", []*dns.Msg{m}); err != nil {
			return nil, err
		}
	}
	return answers[0], nil
}

// Pipeline sends messages over one TCP connection and returns the answers in their order. Any
// response code is an answer; errors are of type *ExchangeError.
func (c Client) Pipeline(ctx context.Context, ms []*dns.Msg) ([]*dns.Msg, error) {
	if len(ms) == 0 {
		return nil, nil
	}
	return c.talk(ctx, "tcp", ms)
}

// talk has the whole conversation within the time limit.
func (c Client) talk(ctx context.Context, network string, ms []*dns.Msg) ([]*dns.Msg, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, network, c.Server)
	if err != nil {
		return nil, &ExchangeError{Server: c.Server, Err: because(ctx, err)}
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	t := &talk{conn: conn, datagram: network == "udp", key: c.TSIG, open: map[uint16]question{}, answers: make([]*dns.Msg, len(ms))}
	if err := t.run(ms); err != nil {
		return nil, &ExchangeError{Server: c.Server, Sent: t.sent, Err: because(ctx, err)}
	}
	return t.answers, nil
}

// because prefers the context's reason over that of the connection it interrupted.
func because(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%w (%v)", cause, err)
	}
	return err
}

// Check returns an *RcodeError for an answer other than NOERROR.
func Check(server string, m *dns.Msg) error {
	if m.Rcode == dns.RcodeSuccess {
		return nil
	}
	e := &RcodeError{Server: server, Rcode: m.Rcode}
	if tsig := m.IsTsig(); tsig != nil {
		e.TSIG = int(tsig.Error)
	}
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if ede, ok := o.(*dns.EDNS0_EDE); ok {
				e.Text = fmt.Sprintf("%q", ede.ExtraText)
			}
		}
	}
	return e
}
