package probe

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// LayerState is how a layer of a look fared.
type LayerState string

const (
	LayerOK      LayerState = "ok"
	LayerBroken  LayerState = "BROKEN"
	LayerSkipped LayerState = "not reached" // an earlier layer broke
	LayerUnknown LayerState = "unknown"     // the look says nothing
)

// Layer is one layer of one look, for people.
type Layer struct {
	Subject string        `json:"subject"` // what was looked at; layers of one subject follow one another
	Name    string        `json:"name"`    // one of the Layer names
	State   LayerState    `json:"state"`
	Took    time.Duration `json:"took,omitempty"`
	Detail  string        `json:"detail,omitempty"`

	Cause   failover.Cause `json:"cause,omitempty"`
	Meaning string         `json:"meaning,omitempty"`
	Try     string         `json:"try,omitempty"`
	Warning string         `json:"warning,omitempty"`
}

// Diagnose takes looks apart into layers: first ourselves, then the site's names, then each look
// in the order DNS, TCP, TLS, HTTP, content. It is pure.
func Diagnose(site failover.Site, obs []failover.Observation, names []Name) []Layer {
	layers := diagnoseUs(obs)
	for _, n := range names {
		layers = append(layers, diagnoseName(site, n))
	}
	obs = slices.Clone(obs)
	slices.SortStableFunc(obs, func(a, b failover.Observation) int {
		return cmp.Or(-cmp.Compare(a.Role, b.Role), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Check, b.Check))
	})
	for _, o := range obs {
		if o.Role != failover.RoleReference {
			layers = append(layers, diagnoseLook(site, o, obs)...)
		}
	}
	return layers
}

// diagnoseUs tells whether we ourselves can see.
func diagnoseUs(obs []failover.Observation) []Layer {
	up, all := references(obs)
	if all == 0 {
		return nil
	}
	l := Layer{Subject: "references", Name: LayerNetwork, State: LayerOK,
		Detail: fmt.Sprintf("%d of %d references answer", up, all)}
	if up == 0 {
		l.State = LayerBroken
		l.Meaning = "no place that is always up answers: our own network is probably down, and nothing below is a verdict on the origin"
		l.Try = "check this machine's network, route and firewall"
	}
	return []Layer{l}
}

func references(obs []failover.Observation) (up, all int) {
	for _, o := range obs {
		if o.Role == failover.RoleReference {
			all++
			if o.Health == failover.Up {
				up++
			}
		}
	}
	return up, all
}

// diagnoseLook spreads one observation over its layers.
func diagnoseLook(site failover.Site, o failover.Observation, all []failover.Observation) []Layer {
	names := layersOf(site, o)
	broken := slices.Index(names, brokenLayer(o, names))
	subject := fmt.Sprintf("%s %s, check %s", o.Role, o.Address, strings.TrimSuffix(o.Check, "."))
	layers := make([]Layer, len(names))
	for i, name := range names {
		l := Layer{Subject: subject, Name: name, State: LayerOK, Took: took(o, name)}
		switch {
		case o.Health == failover.Unknown:
			l.State, l.Detail = LayerUnknown, o.Detail
		case o.Health == failover.Down && i == broken:
			l.State, l.Detail, l.Cause = LayerBroken, o.Detail, o.Cause
			l.Meaning, l.Try = explain(o, all)
		case o.Health == failover.Down && i > broken:
			l.State, l.Took = LayerSkipped, 0
		case name == LayerTLS && !o.Expiry.IsZero():
			l.Detail = "certificate valid until " + o.Expiry.UTC().Format(time.DateOnly)
			l.Warning = o.Warning
		}
		layers[i] = l
	}
	return layers
}

// layersOf lists the layers that a look goes through.
func layersOf(site failover.Site, o failover.Observation) []string {
	if o.Role == failover.RoleFallback {
		return []string{LayerTCP, LayerTLS, LayerHTTP}
	}
	i := slices.IndexFunc(site.Checks, func(c failover.Check) bool { return c.Name == o.Check })
	if i < 0 {
		return []string{LayerTCP}
	}
	var names []string
	switch site.Checks[i].Kind {
	case failover.CheckDNS:
		return []string{LayerDNS}
	case failover.CheckTLS:
		names = []string{LayerTCP, LayerTLS}
	case failover.CheckHTTP:
		names = []string{LayerTCP, LayerHTTP}
	case failover.CheckHTTPS:
		names = []string{LayerTCP, LayerTLS, LayerHTTP}
	default:
		names = []string{LayerTCP}
	}
	if site.Checks[i].Body != "" {
		names = append(names, LayerContent)
	}
	return names
}

// brokenLayer is where a failed look broke. What the cause leaves open, the phases tell: a
// certificate was seen if the handshake ended, a first byte if HTTP began to answer.
func brokenLayer(o failover.Observation, names []string) string {
	e, _ := Explain(o.Cause)
	layer := e.Layer
	switch {
	case layer == "" && o.Cause == failover.CauseSlow, layer == "" && o.Timings.FirstByte > 0:
		layer = names[len(names)-1]
	case layer == "" && o.Expiry.IsZero() && slices.Contains(names, LayerTLS):
		layer = LayerTLS
	case layer == "":
		layer = LayerHTTP
	}
	if !slices.Contains(names, layer) {
		return names[0]
	}
	return layer
}

func took(o failover.Observation, layer string) time.Duration {
	switch layer {
	case LayerDNS:
		return o.Timings.Resolve
	case LayerTCP:
		return o.Timings.Connect
	case LayerTLS:
		return o.Timings.TLS
	case LayerHTTP:
		return o.Timings.FirstByte
	default:
		return 0
	}
}

// explain adds to the table what the other looks tell.
func explain(o failover.Observation, all []failover.Observation) (meaning, try string) {
	e, _ := Explain(o.Cause)
	meaning, try = e.Meaning, e.Try
	if e.Layer != LayerTCP && o.Cause != failover.CauseReset || o.Role != failover.RoleOrigin {
		return meaning, try
	}
	if up, refs := references(all); refs > 0 && up == 0 {
		return "our own network is probably down", "check this machine's network first"
	}
	elsewhere := slices.ContainsFunc(all, func(other failover.Observation) bool {
		return other.Role == failover.RoleOrigin && other.Health == failover.Up && sameHost(other.Address, o.Address)
	})
	if elsewhere {
		meaning = "only this look fails while another look at the same host succeeds: a firewall may ban this controller's address (Fail2Ban), or only this port is affected"
		try = "look for a ban of this controller's address at the origin (fail2ban-client status) and allow it; see whether the service runs"
	}
	return meaning, try
}

func sameHost(a, b string) bool {
	x, errX := netip.ParseAddrPort(a)
	y, errY := netip.ParseAddrPort(b)
	return errX == nil && errY == nil && x.Addr() == y.Addr()
}
