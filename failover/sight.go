package failover

import (
	"net/netip"
	"slices"
	"time"
)

// sight is whether one vantage sees, by the references of one address family.
type sight struct {
	clear  bool
	proven time.Time // when enough references were last seen to answer; zero without references
}

// eyes are what one vantage sees of IPv4 and of IPv6: either can be cut off alone.
type eyes struct{ four, six sight }

// eyes judges the references. A family without references is judged by the other's.
func (p Policy) eyes(view []Observation, now time.Time) eyes {
	var up [2][]time.Time // by family
	for _, o := range view {
		if o.Role == RoleReference && o.Health == Up && now.Sub(o.At) <= p.Fresh {
			family := 0
			if IPv6(o.Address) {
				family = 1
			}
			up[family] = append(up[family], o.At)
		}
	}
	e := eyes{enough(up[0], p.Quorum), enough(up[1], p.Quorum6)}
	switch {
	case p.Quorum == 0 && p.Quorum6 > 0:
		e.four = e.six
	case p.Quorum6 == 0 && p.Quorum > 0:
		e.six = e.four
	}
	return e
}

// Sees tells whether references answer in the address's family, so that what is seen there counts.
func (p Policy) Sees(view []Observation, address string, now time.Time) bool {
	return p.eyes(view, now).at(address).clear
}

// enough tells whether quorum references answered, and when the last one that it takes did.
func enough(answered []time.Time, quorum int) sight {
	if quorum == 0 || len(answered) < quorum {
		return sight{clear: quorum == 0}
	}
	slices.SortFunc(answered, time.Time.Compare)
	return sight{true, answered[len(answered)-quorum]}
}

// at returns the sight of the address's family.
func (e eyes) at(address string) sight {
	if IPv6(address) {
		return e.six
	}
	return e.four
}

// shut tells whether nothing can be seen.
func (e eyes) shut() bool { return !e.four.clear && !e.six.clear }

// complaint says what cannot be seen, where something cannot.
func (e eyes) complaint() string {
	over := ""
	switch {
	case e.four.clear:
		over = " over IPv6"
	case e.six.clear:
		over = " over IPv4"
	}
	return "too few references answer" + over + ": our own network may be down"
}

// IPv6 tells whether what was dialled, with or without a port, is an IPv6 address.
func IPv6(address string) bool {
	a, err := netip.ParseAddr(host(address))
	return err == nil && a.Unmap().Is6()
}

// host takes the port off an address.
func host(address string) string {
	if ap, err := netip.ParseAddrPort(address); err == nil {
		return ap.Addr().String()
	}
	return address
}
