package config

import "time"

// mostResolvers bounds the panel: every switch asks each of them about every record that moved.
const mostResolvers = 16

// propagation decodes whom to ask after a switch.
func (l *loader) propagation(all []body) Propagation {
	p := Propagation{Within: 10 * time.Minute}
	b, found := l.only(all, propagationSchema)
	if !found {
		return p
	}
	p.Within = b.duration("within", p.Within, limits{10 * time.Second, day})
	if !b.has("resolvers") {
		b.missing("resolvers", `resolvers = ["192.0.2.53:53"], the resolvers to ask`)
		return p
	}
	for _, r := range b.addressPorts("resolvers", "192.0.2.53:53", b.dial) {
		p.Resolvers = append(p.Resolvers, r.String())
	}
	if len(p.Resolvers) > mostResolvers {
		b.complain(b.attrs["resolvers"].Expr.Range(), "take the ones that most of your visitors use",
			"%s: %d resolvers are more than the %d that a switch may ask", b.title, len(p.Resolvers), mostResolvers)
	}
	return p
}
