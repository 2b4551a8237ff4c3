package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

const callTimeout = 30 * time.Second // of one HTTP request to the CA

// acmeIssuer obtains certificates by ACME with DNS-01 (RFC 8555).
type acmeIssuer struct {
	options Options
	store   *store
	client  *acme.Client

	mu      sync.Mutex
	account acme.Account // without Location until the CA was asked in this process
}

func newACME(options Options, store *store) *acmeIssuer {
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{RootCAs: options.TrustedRoots},
		TLSHandshakeTimeout:   callTimeout,
		ResponseHeaderTimeout: callTimeout,
		IdleConnTimeout:       callTimeout,
		ForceAttemptHTTP2:     true,
	}
	return &acmeIssuer{options: options, store: store, client: &acme.Client{
		Directory:  options.Directory,
		HTTPClient: &http.Client{Transport: listening{transport}, Timeout: callTimeout},
		UserAgent:  "failover",
		Logger:     demoted(options.Log),
	}}
}

// issue places one order for one name.
func (a *acmeIssuer) issue(ctx context.Context, name string, replaces *x509.Certificate) ([]byte, error) {
	ctx, said := listen(ctx)
	account, err := a.registered(ctx)
	if err != nil {
		return nil, a.sort(err, said, true)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	csr, err := acmez.NewCSR(key, []string{name})
	if err != nil {
		return nil, &issueError{trouble: troubleHost, err: err}
	}
	order, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return nil, &issueError{trouble: troubleHost, err: err}
	}
	order.Profile, order.Replaces = a.options.Profile, replaces
	chain, err := a.place(ctx, name, order)
	if err != nil {
		return nil, a.sort(err, said, false)
	}
	return append(block, chain...), nil
}

// place takes an order to its end. A CA that does not know the certificate to be replaced gets
// the order once more, as a new one.
func (a *acmeIssuer) place(ctx context.Context, name string, order acmez.OrderParameters) ([]byte, error) {
	solver, err := newSolver(a.options, name)
	if err != nil {
		return nil, &issueError{trouble: troubleHost, err: err}
	}
	client := acmez.Client{Client: a.client, ChallengeSolvers: map[string]acmez.Solver{acme.ChallengeTypeDNS01: solver}}
	chains, err := client.ObtainCertificate(ctx, order)
	if err != nil && order.Replaces != nil && !solver.used.Load() && is(err, acme.ProblemTypeMalformed, acme.ProblemTypeAlreadyReplaced, acme.ProblemTypeUnauthorized) {
		order.Replaces = nil
		chains, err = client.ObtainCertificate(ctx, order)
	}
	switch {
	case err == nil && len(chains) > 0:
		return chains[0].ChainPEM, nil
	case err == nil:
		return nil, errors.New("the CA issued no certificate")
	case solver.failed.Load():
		return nil, &issueError{trouble: troubleHost, err: err}
	default:
		return nil, err
	}
}

func (a *acmeIssuer) close() { a.client.HTTPClient.CloseIdleConnections() }

// registered returns the account at the CA, made the first time. The key on disk is the account:
// where the CA has forgotten it, it is registered again.
func (a *acmeIssuer) registered(ctx context.Context) (acme.Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.account.Location != "" {
		return a.account, nil
	}
	key, created, err := a.store.accountKey(a.options.Directory, a.options.Email)
	if err != nil {
		return acme.Account{}, fmt.Errorf("the key of the ACME account: %w", err)
	}
	account := acme.Account{PrivateKey: key, TermsOfServiceAgreed: true}
	if a.options.Email != "" {
		account.Contact = []string{"mailto:" + a.options.Email}
	}
	if !created {
		found, err := a.client.GetAccount(ctx, account)
		if err == nil || !is(err, acme.ProblemTypeAccountDoesNotExist) {
			return a.remember(found, err)
		}
	}
	if a.options.EAB.KeyID != "" {
		if err := account.SetExternalAccountBinding(ctx, a.client, a.options.EAB.forACME()); err != nil {
			return acme.Account{}, fmt.Errorf("external account binding: %w; try: acme.eab as the CA shows it", err)
		}
	}
	return a.remember(a.client.NewAccount(ctx, account))
}

// remember keeps an account that can be used; the lock is held.
func (a *acmeIssuer) remember(account acme.Account, err error) (acme.Account, error) {
	if err != nil {
		return acme.Account{}, fmt.Errorf("the ACME account: %w", err)
	}
	if account.Status != acme.StatusValid {
		return acme.Account{}, fmt.Errorf("the ACME account is %q; try: another acme.email, which makes a new account", account.Status)
	}
	a.account = account
	return account, nil
}

// sort finds out what can be done about an error of the CA's; account tells that it concerns
// everybody.
func (a *acmeIssuer) sort(err error, said *heard, account bool) error {
	var sorted *issueError
	if errors.As(err, &sorted) {
		return err
	}
	issue := &issueError{trouble: troubleCA, retryAfter: said.retryAfter(), err: err}
	var problem acme.Problem
	if !errors.As(err, &problem) {
		return issue
	}
	switch {
	case problem.Type == acme.ProblemTypeRateLimited:
		issue.trouble = troubleLimit
	case problem.Type == acme.ProblemTypeAccountDoesNotExist:
		a.mu.Lock()
		a.account = acme.Account{} // the CA forgot it: ask, and register, next time
		a.mu.Unlock()
	case !account && problem.Status < 500 && problem.Type != acme.ProblemTypeServerInternal:
		issue.trouble = troubleHost
	}
	return issue
}

// is tells whether an error is one of these problems (RFC 8555 section 6.7).
func is(err error, problemTypes ...string) bool {
	var problem acme.Problem
	return errors.As(err, &problem) && slices.Contains(problemTypes, problem.Type)
}

// listening remembers a Retry-After (RFC 9110 section 10.2.3) that acmez does not pass on.
type listening struct{ *http.Transport }

// heard is what the CA said during one attempt.
type heard struct {
	mu   sync.Mutex
	wait time.Duration
}

type heardKey struct{}

func listen(ctx context.Context) (context.Context, *heard) {
	h := &heard{}
	return context.WithValue(ctx, heardKey{}, h), h
}

func (l listening) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.Transport.RoundTrip(r)
	h, _ := r.Context().Value(heardKey{}).(*heard)
	if err == nil && h != nil && (resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable) {
		h.mu.Lock()
		h.wait = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
		h.mu.Unlock()
	}
	return resp, err
}

func (h *heard) retryAfter() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.wait
}

// parseRetryAfter reads seconds or a date; nonsense is 0, and nothing is longer than a week.
func parseRetryAfter(text string, now time.Time) time.Duration {
	const week = 7 * 24 * time.Hour
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, week)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, min(at.Sub(now), week))
	}
	return 0
}
