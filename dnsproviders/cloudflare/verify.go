package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/failover-dns/failover/failover"
)

// expiryWarning is how long before its end a token is warned of.
const expiryWarning = 14 * 24 * time.Hour

// Verify asks whether the tokens are active and see every zone, with the right permissions as far
// as the API tells. It changes nothing. The error names each zone that is wrong, with a way out.
func (p *Provider) Verify(ctx context.Context) error {
	err := p.verify(ctx, p.client, "the token")
	if p.acme != p.client {
		err = errors.Join(err, p.verify(ctx, p.acme, "the ACME token"))
	}
	return err
}

func (p *Provider) verify(ctx context.Context, c *client, what string) error {
	var errs []error
	for _, apex := range p.apexes {
		if err := p.zone(apex).verify(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	err := c.verifyToken(ctx, what)
	if failover.KindOf(err) == failover.KindUnauthorized && len(errs) == 0 && len(p.apexes) > 0 {
		// A token that an account owns, not a user, is unknown to this question, and yet works.
		p.log.Debug("the token is not a user's", "error", err)
		err = nil
	}
	return errors.Join(append(errs, err)...)
}

// verifyToken asks the API what it thinks of the token.
func (c *client) verifyToken(ctx context.Context, what string) error {
	var token struct {
		Status    string    `json:"status"`
		ExpiresOn time.Time `json:"expires_on"`
	}
	if _, err := c.get(ctx, "/user/tokens/verify", nil, &token); err != nil {
		var ze *failover.ZoneError
		if errors.As(err, &ze) {
			whole := *ze
			whole.Zone, whole.Op = what, "verify"
			return &whole
		}
		return err
	}
	if token.Status != "active" {
		return &failover.ZoneError{Kind: failover.KindUnauthorized, Zone: what, Op: "verify",
			Err: fmt.Errorf("it is %s", token.Status), Hint: tokenHint}
	}
	if !token.ExpiresOn.IsZero() && time.Until(token.ExpiresOn) < expiryWarning {
		c.log.Warn("the API token expires soon; make a new one", "token", what, "expires", token.ExpiresOn)
	}
	return nil
}

// verify asks whether the token sees the zone and its records, and may change them.
func (z *zone) verify(ctx context.Context, c *client) error {
	info, err := z.lookup(ctx, c)
	if err != nil {
		return z.fault("verify", err)
	}
	if len(info.Permissions) > 0 && !slices.Contains(info.Permissions, "#dns_records:edit") {
		return &failover.ZoneError{Kind: failover.KindUnauthorized, Zone: z.apex, Op: "verify",
			Err: errors.New("the token may not edit the zone's records"), Hint: tokenHint}
	}
	if info.Status != "" && info.Status != "active" {
		z.log.Warn("Cloudflare does not serve the zone; see its nameservers at the registrar", "status", info.Status)
	}
	var records []json.RawMessage
	query := url.Values{"per_page": {"1"}}
	if _, err := c.get(ctx, "/zones/"+url.PathEscape(info.ID)+"/dns_records", query, &records); err != nil {
		return z.fault("verify", err)
	}
	return nil
}
