// Package admin is the operator's door. A [Server] answers HTTP on a unix socket, which the file
// system guards, and hands what it hears to a [Controller]; a [Client] is the same Controller seen
// from the command line. A [Monitor] shows metrics, liveness and readiness on a TCP listener and
// can change nothing.
package admin

import (
	"context"
	"io"

	"github.com/failover-dns/failover/failover"
)

// Controller is what can be asked of a running controller. Errors may match
// [failover.ErrRefused], [failover.ErrDrift], [failover.ErrNoPlan] or be a [failover.ZoneError];
// these survive the way through the socket (see [Client]).
type Controller interface {
	// Status returns all sites in order of name.
	Status(ctx context.Context) ([]failover.SiteStatus, error)
	// Plan reads the site's zones and returns what a switch to the target would change, one plan
	// for each zone. It changes nothing.
	Plan(ctx context.Context, site string, target failover.Target) ([]failover.Plan, error)
	// Command does what an operator asks and returns when it is done: nil when every zone has the
	// wanted form. Each journal entry on the way is reported, in order, and none after the return.
	// The end of ctx ends the waiting, never a change that was begun.
	Command(ctx context.Context, site string, c failover.Command, report func(failover.Entry)) error
	// History returns the newest n entries of the site, the oldest first.
	History(ctx context.Context, site string, n int) ([]failover.Entry, error)
	// Check looks at the site's origin now, by every check at every address.
	Check(ctx context.Context, site string) ([]failover.Observation, error)
	// Reload reads the configuration again; an error says that the old one still runs.
	Reload(ctx context.Context) error
	// Export writes the state of all sites, as `failover state import` reads it.
	Export(ctx context.Context, w io.Writer) error
}
