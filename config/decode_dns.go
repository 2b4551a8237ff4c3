package config

import (
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/failover-dns/failover/failover"
)

func quote(s string) string { return strconv.Quote(s) }

// dns decodes one provider account.
func (l *loader) dns(b body) DNS {
	kind, d := b.labels[0], DNS{Name: b.labels[1]}
	s, known := dnsSchemas[kind]
	if !known {
		l.zonesBroken = true
		kinds := slices.Sorted(maps.Keys(dnsSchemas))
		l.complain(b.at, "delegate the zone to a name server that takes RFC 2136 updates, or to the builtin one, if its provider is not among them",
			"%s: a provider must be one of %s, not %q", b.title, list(kinds), kind)
		return d
	}
	b.open(s)
	if b.label(d.Name) {
		l.once("dns "+quote(d.Name), b.at, "give it another name, or take one out")
	}
	d.Zones = b.zones(d.Name)
	if b.has("authoritative") {
		d.Authoritative = b.addressPorts("authoritative", "192.0.2.53:53", b.dial)
	}
	switch kind {
	case "cloudflare":
		d.Cloudflare = b.cloudflare()
	case "rfc2136":
		d.RFC2136 = b.rfc2136()
	case "builtin":
		d.Builtin = b.builtin()
	}
	return d
}

// zones reads the apexes and notes who serves them.
func (b body) zones(dns string) []string {
	var out []string
	given := b.texts("zones", "example.org", false)
	for _, t := range given {
		zone, ok := b.asName("zones", t, dnsProfile, false)
		if !ok {
			b.zonesBroken = true
			continue
		}
		if b.once("zone "+quote(shown(zone)), t.at, "let one dns block serve the zone") {
			b.loader.zones[zone] = dns
			out = append(out, zone)
		}
	}
	if len(given) == 0 {
		b.zonesBroken = true
		b.missing("zones", `zones = ["example.org"], the zones that this account holds`)
	}
	return out
}

func (b body) cloudflare() *Cloudflare {
	c := &Cloudflare{Token: b.secret("token"), ACMEToken: b.secret("acme_token"), Endpoint: b.web("endpoint", false), CAFile: b.path("ca_file", "")}
	if !b.has("token") {
		b.missing("token", `token = env("CLOUDFLARE_API_TOKEN") or file("/run/secrets/cloudflare"), a token that may edit DNS in these zones`)
	}
	if c.ACMEToken.IsZero() {
		c.ACMEToken = c.Token
	}
	return c
}

func (b body) rfc2136() *RFC2136 {
	r := &RFC2136{Timeout: b.duration("timeout", 5*time.Second, limits{moment, time.Minute})}
	if t, given := b.text("server"); given {
		r.Server, _ = b.server("server", t, "53")
	} else if !b.has("server") {
		b.missing("server", `server = "192.0.2.53:53", the primary name server of the zones`)
	}
	tsig, found := b.single("tsig")
	if !found {
		b.missing("tsig", `tsig { name = "ddns."  secret = env("TSIG_SECRET") }, one attribute a line; unsigned updates are not sent`)
		return r
	}
	tsig.open(tsigSchema)
	if tsig.has("name") {
		r.TSIGName, _ = tsig.name("name", dnsProfile)
	} else {
		tsig.missing("name", `name = "ddns.", the name of the key at the server`)
	}
	r.TSIGAlgo = failover.CanonicalName(tsig.choice("algorithm", "hmac-sha256", "hmac-sha1", "hmac-sha224", "hmac-sha384", "hmac-sha512"))
	r.TSIGSecret = tsig.secret("secret")
	if !tsig.has("secret") {
		tsig.missing("secret", `secret = env("TSIG_SECRET"), in base64 as the name server's configuration has it`)
	} else if _, err := base64.StdEncoding.DecodeString(r.TSIGSecret.Reveal()); err != nil {
		tsig.complain(tsig.attrs["secret"].Expr.Range(), "give the key as the name server's configuration has it",
			"%s: secret is not base64", tsig.title)
	}
	return r
}

func (b body) builtin() *Builtin {
	r := &Builtin{Listen: b.addressPorts("listen", "192.0.2.53:53", b.listen)}
	if !b.has("listen") {
		b.missing("listen", `listen = ["192.0.2.53:53"], where our name server answers, UDP and TCP`)
	}
	for _, t := range b.texts("nameservers", "ns1.example.net", false) {
		if name, ok := b.asName("nameservers", t, hostProfile, false); ok {
			r.Nameservers = append(r.Nameservers, name)
		}
	}
	if !b.has("nameservers") {
		b.missing("nameservers", `nameservers = ["ns1.example.net"], the names that the parent zone delegates to`)
	}
	for _, t := range b.texts("records", "www 300 IN A 192.0.2.1", false) {
		r.Records = append(r.Records, t.value)
	}
	return r
}

// shown is a canonical name as people write it, without the final dot.
func shown(name string) string {
	if len(name) > 1 {
		return name[:len(name)-1]
	}
	return name
}
