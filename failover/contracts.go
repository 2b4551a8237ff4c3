package failover

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Zone is one zone at a provider. Implementations put a timeout on every call, retry only what
// can succeed, and are safe for concurrent use.
type Zone interface {
	// Read returns every record set at the given canonical names, of all types, sorted, straight
	// from the provider and never from a cache. A name without records is simply absent.
	Read(ctx context.Context, names []string) ([]RecordSet, error)
	// Replace moves the managed sets at plan.Names from exactly plan.Before to exactly plan.After
	// and touches nothing else. It re-reads just before it writes. A zone that already is After
	// is left alone, without error; one that is neither Before nor After is left alone with an
	// error that matches ErrDrift. No name is empty on the way. When the outcome of a call is not
	// known (an answer lost), the error has kind Lost, and the caller reads back; the call is not
	// repeated blindly.
	Replace(ctx context.Context, plan Plan) error
	// Abilities says what the provider can do with this zone.
	Abilities() Abilities
}

// Abilities are what a provider can do with a zone.
type Abilities struct {
	Atomic        bool   `json:"atomic"` // a Replace is seen whole or not at all at the provider
	MinTTL        uint32 `json:"minTTL"` // seconds; the least TTL of a set that is not proxied
	MaxTTL        uint32 `json:"maxTTL"` // seconds; 0: no limit of its own
	Proxied       bool   `json:"proxied"`
	FlattensCNAME bool   `json:"flattensCNAME"` // a CNAME may stand at the apex
}

// ErrorKind sorts a provider's errors by what can be done about them.
type ErrorKind string

const (
	KindUnauthorized ErrorKind = "unauthorized"    // the credential is wrong or may not do this; a human must act
	KindRateLimited  ErrorKind = "rate-limited"    // wait for RetryAfter
	KindUnavailable  ErrorKind = "unavailable"     // not done; later it may succeed
	KindLost         ErrorKind = "outcome-unknown" // may or may not be done; read back before anything else
	KindRejected     ErrorKind = "rejected"        // the provider refuses this very change
	KindReadOnly     ErrorKind = "read-only"       // the record belongs to another product of the provider
	KindDrift        ErrorKind = "drift"           // see ErrDrift
)

// ZoneError is an error of a provider's call.
type ZoneError struct {
	Kind       ErrorKind
	Zone       string // canonical apex
	Op         string // "read" or "replace"
	RetryAfter time.Duration
	Hint       string // what to do, for people
	Err        error
}

func (e *ZoneError) Error() string {
	text := fmt.Sprintf("%s %s: %s: %v", e.Op, e.Zone, e.Kind, e.Err)
	if e.RetryAfter > 0 {
		text += fmt.Sprintf(" (retry after %v)", e.RetryAfter)
	}
	if e.Hint != "" {
		text += "; try: " + e.Hint
	}
	return text
}

func (e *ZoneError) Unwrap() error { return e.Err }

// Is lets errors.Is(err, ErrDrift) hold for drift.
func (e *ZoneError) Is(target error) bool { return target == ErrDrift && e.Kind == KindDrift }

// KindOf returns the kind of a provider's error, or "" for any other error.
func KindOf(err error) ErrorKind {
	var ze *ZoneError
	if errors.As(err, &ze) {
		return ze.Kind
	}
	return ""
}

type urgentKey struct{}

// Urgent marks calls that belong to a switch: they may use the share of a provider's rate budget
// that is reserved for switches.
func Urgent(ctx context.Context) context.Context { return context.WithValue(ctx, urgentKey{}, true) }

// IsUrgent tells whether ctx was marked by Urgent.
func IsUrgent(ctx context.Context) bool { return ctx.Value(urgentKey{}) != nil }

// Resolver stands for the server's name in the confirmation of a resolver.
const Resolver = "resolver"

// Confirmation is what one server, authoritative for a zone or a resolver, answered after a switch.
type Confirmation struct {
	Server  string    `json:"server"`  // the NS name, or Resolver
	Address string    `json:"address"` // IP and port that was asked
	At      time.Time `json:"at"`      // of its first right answer; else of what Detail tells
	OK      bool      `json:"ok"`
	// After is the time from the plan to At, where the plan's time is known.
	After  time.Duration `json:"after,omitempty"`
	Detail string        `json:"detail,omitempty"`
}

// Confirm asks every authoritative server of the plan's zone until each answers plan.After or ctx
// ends. Sets that are proxied are not asked for: the servers answer with the proxy's addresses. The
// error says which server that can be reached does not follow. No confirmation and no error: nobody
// had to be asked.
type Confirm func(ctx context.Context, plan Plan) ([]Confirmation, error)

// Journal keeps entries, append-only. The newest entry of a site is its state.
type Journal interface {
	// Last returns the site's newest entry. An error that matches ErrNoEntry says there is none.
	Last(site string) (Entry, error)
	// Append stores the entry durably before it returns. Seq must follow the newest one's, else
	// an error that matches ErrConflict is returned and nothing is stored.
	Append(entry Entry) error
	// Tail returns the newest n entries of a site, the oldest first.
	Tail(site string, n int) ([]Entry, error)
	// Sites returns the names of all sites that have an entry, sorted.
	Sites() ([]string, error)
}

// Errors of a Journal.
var (
	ErrNoEntry  = errors.New("no journal entry")
	ErrConflict = errors.New("another entry came first")
	ErrDamaged  = errors.New("the journal is damaged")
)

// Kinds of journal entry.
const (
	EventStart      = "start"      // the site is new to this journal
	EventPhase      = "phase"      // a decision of the policy
	EventCommand    = "command"    // a decision of an operator
	EventVeto       = "veto"       // a wanted switch does not happen, or its reason changed
	EventBaseline   = "baseline"   // the records to go back to
	EventPlan       = "plan"       // a change is about to be made
	EventApplied    = "applied"    // a change was made and read back
	EventFailed     = "failed"     // a change was not made
	EventUnknown    = "unknown"    // nobody knows yet whether a change was made
	EventDrift      = "drift"      // the zone is not as expected; nothing was changed
	EventConfirmed  = "confirmed"  // every authoritative server answers the new records
	EventPropagated = "propagated" // what the resolvers of the panel answer
)

// Entry is one line of the journal.
type Entry struct {
	Seq     uint64    `json:"seq"` // per site, from 1
	Site    string    `json:"site"`
	At      time.Time `json:"at"`
	Event   string    `json:"event"`   // one of the Event constants
	By      string    `json:"by"`      // "controller", or who asked
	Message string    `json:"message"` // one sentence for people
	State   State     `json:"state"`   // all of it, after the event
	// Confirmations accompany EventConfirmed and EventPropagated.
	Confirmations []Confirmation `json:"confirmations,omitempty"`
}

// Page is a maintenance page in one language, complete and compressed.
type Page struct {
	Lang   string // BCP 47
	Title  string
	HTML   []byte
	Gzip   []byte // RFC 1952, of HTML
	Brotli []byte // RFC 7932, of HTML
	Policy string // the Content-Security-Policy that HTML needs; empty: one that allows no script
}

// Notice is what the fallback answers for a site.
type Notice struct {
	Site  string
	Hosts []string // canonical, wildcards included
	// Serving says whether these hosts are failed over (or were a moment ago). If not, they get a
	// plain 503 that says so.
	Serving    bool
	Pages      []Page // the first is the default language; empty only where Serving is false
	Problem    []byte // RFC 9457 problem+json for API clients
	RetryAfter time.Duration
	// Onward, if set, is where visitors are handed on to who still come after the way back; they
	// get the page only if that fails.
	Onward *Onward
}

// Onward is a recovered origin, by its own addresses.
type Onward struct {
	Addresses  []netip.Addr
	HTTP       uint16 // port for visitors who came by http
	HTTPS      uint16 // port for visitors who came by https
	SkipVerify bool   // the origin's certificate need not be valid, as its checks say
}

// SiteStatus is the picture of a site for people and for the admin API.
type SiteStatus struct {
	Site         string        `json:"site"`
	Hosts        []string      `json:"hosts"`
	State        State         `json:"state"`
	Target       Target        `json:"target"`
	Verdict      Verdict       `json:"verdict"`
	Observations []Observation `json:"observations"` // newest of each look, the origin's and the fallback's
	Acting       bool          `json:"acting"`       // a change is under way
	// LowFrom is when the last resolver that honours TTLs has forgotten TTLs above the armed one;
	// zero while a TTL is not low.
	LowFrom time.Time `json:"lowFrom,omitzero"`
	Trouble string    `json:"trouble,omitempty"`
}
