package cloudflare

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	cflibdns "github.com/libdns/cloudflare"
	"github.com/libdns/libdns"

	"github.com/failover-dns/failover/failover"
)

// DefaultEndpoint is the base URL of Cloudflare's API.
const DefaultEndpoint = "https://api.cloudflare.com/client/v4"

// defaultBudget is Cloudflare's limit per user: calls in 5 minutes.
const defaultBudget = 1200

// tokenHint tells how to make a token that may do what we do, and no more.
const tokenHint = "a token of the zone's account with the permissions Zone / DNS / Edit and Zone / Zone / Read " +
	"for this zone (dash.cloudflare.com, My Profile, API Tokens)"

// Options are what a provider is made from.
type Options struct {
	Token     string         `json:"-"` // reads and changes the zones' records
	ACMEToken string         `json:"-"` // for _acme-challenge records; empty: Token
	Endpoint  string         // API base URL; empty: DefaultEndpoint. https, or http on a loopback address
	Roots     *x509.CertPool // roots that Endpoint's certificate is checked against; nil: the system's
	Zones     []string       // apexes that this provider serves; empty: any
	Log       *slog.Logger   // nil: nothing is logged
	Budget    int            // calls in 5 minutes, 1 to 1,200; 0: 1,200, Cloudflare's limit per user
}

// Format keeps the tokens out of every printed form.
func (o Options) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "cloudflare.Options{Endpoint:%q Zones:%q Token:(secret)}", o.Endpoint, o.Zones)
}

// LogValue keeps the tokens out of logs.
func (o Options) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// Provider is one account at Cloudflare. It is safe for concurrent use.
type Provider struct {
	client *client
	acme   *client // the same budget as client if the token is the same
	libdns *cflibdns.Provider
	apexes []string
	log    *slog.Logger

	mu    sync.Mutex
	zones map[string]*zone
}

// Records is what an ACME client asks of a DNS provider.
type Records interface {
	libdns.RecordAppender
	libdns.RecordDeleter
}

// Open prepares a provider. It calls nobody; see [Provider.Verify].
func Open(o Options) (*Provider, error) {
	base, err := endpoint(o.Endpoint)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkToken("token", o.Token), checkToken("ACME token", o.ACMEToken)); err != nil {
		return nil, err
	}
	if o.Token == "" {
		return nil, errors.New("cloudflare: the token is empty; give " + tokenHint)
	}
	if o.Budget < 0 || o.Budget > defaultBudget {
		return nil, fmt.Errorf("cloudflare: a budget of %d calls in 5 minutes; give 1 to %d", o.Budget, defaultBudget)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Provider{log: o.Log, zones: map[string]*zone{}}
	for _, z := range o.Zones {
		p.apexes = append(p.apexes, failover.CanonicalName(z))
	}
	limit := o.Budget
	if limit == 0 {
		limit = defaultBudget
	}
	p.client = &client{base: base, token: keep(o.Token), http: httpClient(o.Roots), budget: newBudget(limit), log: o.Log}
	p.acme = p.client
	if o.ACMEToken != "" && o.ACMEToken != o.Token { // perhaps another user's, with a limit of its own
		p.acme = &client{base: base, token: keep(o.ACMEToken), http: p.client.http, budget: newBudget(limit), log: o.Log}
	}
	p.libdns = &cflibdns.Provider{HTTPClient: acmeClient{p.acme}}
	return p, nil
}

// Zone returns the zone with the given apex. Its id is looked up when it is first needed.
func (p *Provider) Zone(apex string) (failover.Zone, error) {
	apex = failover.CanonicalName(apex)
	if len(p.apexes) > 0 && !slices.Contains(p.apexes, apex) {
		return nil, fmt.Errorf("cloudflare: zone %s is not among this provider's zones; add it to `zones` of the dns block", apex)
	}
	return p.zone(apex), nil
}

func (p *Provider) zone(apex string) *zone {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zones[apex] == nil {
		p.zones[apex] = &zone{apex: apex, client: p.client, log: p.log.With("zone", apex)}
	}
	return p.zones[apex]
}

// ACME returns the client for _acme-challenge TXT records. Its calls count as not urgent.
func (p *Provider) ACME() Records { return p.libdns }

// Close lets go of idle connections.
func (p *Provider) Close() error {
	p.client.http.CloseIdleConnections()
	return nil
}

// endpoint checks the base URL: the token travels only over TLS, or within this machine.
func endpoint(text string) (*url.URL, error) {
	if text == "" {
		text = DefaultEndpoint
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil {
		return nil, fmt.Errorf("cloudflare: endpoint: %w", err)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return nil, fmt.Errorf("cloudflare: endpoint %q is not an https URL; leave it out to use %s", u.Redacted(), DefaultEndpoint)
	}
	return u, nil
}

// checkToken refuses what can't be in a header, without repeating it.
func checkToken(what, token string) error {
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("cloudflare: the %s holds a blank, a line break or another character that no token has; check where it comes from", what)
	}
	return nil
}

// httpClient follows no redirects: the token goes to the endpoint and nowhere else.
func httpClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		Transport:     transport(roots),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Time-outs of the client.
const (
	callTimeout    = 10 * time.Second // one call, answer included
	connectTimeout = 5 * time.Second  // TCP, and again TLS
)
