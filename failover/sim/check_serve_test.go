package sim

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/failover-dns/failover/failover"
)

// published tells whether a controller lets the fallback answer for the site.
func (c *checker) published(site string) bool {
	for _, m := range c.minds {
		if m.alive && m.published[site] {
			return true
		}
	}
	return false
}

// served checks that whoever comes to the fallback gets the site's page: I12.
func (c *checker) served() {
	for key, p := range c.parts {
		m := c.minds[p.server]
		if !m.alive || c.now.Sub(m.bornAt) < 5*time.Second {
			continue
		}
		if p.points && !c.published(key.site) {
			c.broken("I12", "%s points at the fallback, which has no page for it", key.site)
		}
		if !p.lame.IsZero() && c.now.Sub(p.lame) < 5*time.Minute-10*time.Second && !c.published(key.site) {
			c.broken("I12", "%s: the page went too soon after the way back at %s, with visitors still coming", key.site, p.lame.Format("15:04:05"))
		}
	}
}

func (m *mind) callsTo(key siteZone) *calls {
	if m.calls[key] == nil {
		m.calls[key] = &calls{}
	}
	return m.calls[key]
}

// answer takes in what a provider asks for.
func (c *checker) answer(f Fact) {
	if f.Kind != failover.KindRateLimited {
		return
	}
	to := c.minds[f.Who].callsTo(siteZone{f.Site, f.Zone})
	if !f.At.Before(to.blocked) {
		to.early, to.wishes = 0, 0
	}
	to.blocked = f.At.Add(f.RetryAfter)
}

// call checks the budget: who was told to wait waits. A new wish (armed, fallback, origin), an
// operator's word, a new configuration and a new process may try once each, and a reading is repeated three
// times: I10.
func (c *checker) call(f Fact) {
	m := c.minds[f.Who]
	to := m.callsTo(siteZone{f.Site, f.Zone})
	if !f.At.Before(to.blocked) || f.At.Sub(to.wordAt) < 2*time.Minute || f.At.Sub(m.bornAt) < time.Minute {
		return
	}
	if to.early++; to.early > 4+4*to.wishes {
		c.broken("I10", "%s called %s before it was allowed to at %s", f.Site, f.Zone.Zone, to.blocked.Format("15:04:05"))
	}
}

// wished notes that something else may be wanted now.
func (m *mind) wished(site string) {
	for key, to := range m.calls {
		if key.site == site {
			to.wishes++
		}
	}
}

// clean checks that a text holds no secret: I11.
func (c *checker) clean(what string, text []byte) {
	for _, secret := range c.h.Secrets {
		if bytes.Contains(text, []byte(secret)) {
			c.broken("I11", "%s holds a secret", what)
		}
	}
}

// logged looks through all that was logged.
func (c *checker) logged() { c.clean("the log", c.h.log.text.Bytes()) }

// shown looks through what people are shown.
func (c *checker) shown(f Final) {
	text, err := json.Marshal(struct{ Status, Alarms any }{f.Status, f.Alarms})
	if err != nil {
		c.broken("I11", "a status cannot be shown: %v", err)
	}
	c.clean("a status", text)
}
