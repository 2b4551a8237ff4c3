package probe

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/failover-dns/failover/failover"
)

// askTCP connects, and is content.
func askTCP(at netip.AddrPort) ask {
	return func(ctx context.Context, o *failover.Observation) error {
		c, err := dialTCP(ctx, at, o)
		if err != nil {
			return err
		}
		c.Close()
		return nil
	}
}

// conn is a connection that ends with its look's context.
type conn struct {
	*net.TCPConn
	stop func() bool
}

// dialTCP opens a connection and records how long that took. Everything done with it fails at
// the end of ctx.
func dialTCP(ctx context.Context, at netip.AddrPort, o *failover.Observation) (*conn, error) {
	start := time.Now()
	d := net.Dialer{KeepAlive: -1} // the connection lives for seconds
	c, err := d.DialTCP(ctx, "tcp", netip.AddrPort{}, at)
	o.Timings.Connect += time.Since(start)
	if err != nil {
		return nil, connecting().failed(err)
	}
	// Close with a reset, as HAProxy's checks do: at 500 looks a second at one address the TIME_WAIT
	// state of an orderly close would use up our ports. By then nothing is left to be said.
	c.SetLinger(0)
	return &conn{c, bind(ctx, c)}, nil
}

// bind lets all reads and writes of c fail once ctx ends.
func bind(ctx context.Context, c net.Conn) (stop func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		c.SetDeadline(deadline)
	}
	return context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
}

func (c *conn) Close() error {
	c.stop()
	return c.TCPConn.Close()
}
