package config

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// acme decodes where certificates come from; nil when there is no such block.
func (l *loader) acme(all []body, accounts []DNS) *ACME {
	b, found := l.only(all, acmeSchema)
	if !found {
		return nil
	}
	a := &ACME{
		Directory: letsEncrypt, Email: b.textOr("email", ""), TrustedRoots: b.path("trusted_roots", ""),
		Profile: b.textOr("profile", ""), RenewBefore: b.duration("renew_before", 0, limits{time.Minute, year}),
	}
	if b.has("directory") {
		a.Directory = b.web("directory", false)
	}
	if t, given := b.text("email"); given && (!strings.Contains(t.value, "@") || strings.ContainsAny(t.value, " ,:")) {
		b.complain(t.at, `email = "ops@example.org"`, "%s: email: %q is not one e-mail address", b.title, t.value)
	}
	for _, t := range b.texts("resolvers", "192.0.2.53:53", false) {
		if server, ok := b.server("resolvers", t, "53"); ok {
			a.Resolvers = append(a.Resolvers, server)
		}
	}
	a.DNS = b.account(accounts)
	if eab, found := b.single("eab"); found {
		eab.open(eabSchema)
		a.EABKeyID, a.EABHMAC = eab.textOr("key_id", ""), eab.secret("hmac")
		if !eab.has("key_id") {
			eab.missing("key_id", `key_id = "...", as the certificate authority gave it`)
		}
		if !eab.has("hmac") {
			eab.missing("hmac", `hmac = env("EAB_HMAC"), as the certificate authority gave it`)
		}
	}
	return a
}

// account reads the name of a dns block.
func (b body) account(accounts []DNS) string {
	t, given := b.text("dns")
	if !given || t.value == "" {
		return ""
	}
	var names []string
	for _, d := range accounts {
		if d.Name == t.value {
			return d.Name
		}
		names = append(names, d.Name)
	}
	if b.broken {
		return ""
	}
	hint := "add a dns block of that name, or leave dns out: each host's own is used then"
	if guess := nearest(t.value, names); guess != "" {
		hint = "write " + quote(guess)
	}
	b.complain(t.at, hint, "%s: there is no dns block named %q", b.title, t.value)
	return ""
}

// ourselves decodes our own web server. Without sites it may be left out.
func (l *loader) ourselves(all, sites []body) Fallback {
	f := Fallback{MinValidity: day, HTTP: everywhere(80), HTTPS: everywhere(443)}
	b, found := l.only(all, fallbackSchema)
	if !found {
		if len(sites) > 0 && !l.broken {
			l.complain(l.top, `add fallback { ipv4 = ["198.51.100.7"] } with this machine's public address`,
				"there is no fallback block, so there is nothing to switch to")
		}
		return f
	}
	f.IPv4 = b.public("ipv4", "198.51.100.7", netip.Addr.Is4)
	f.IPv6 = b.public("ipv6", "2001:db8::7", netip.Addr.Is6)
	if f.CNAME, _ = b.name("cname", dnsProfile); f.CNAME != "" {
		l.cname = text{f.CNAME, b.attrs["cname"].Expr.Range()}
	}
	f.CheckRoots = b.path("check_roots", "")
	f.MinValidity = b.duration("min_validity", day, limits{0, year})
	f.SameNetwork = b.boolean("same_network", false)
	l.near = f.SameNetwork
	if b.has("http") {
		f.HTTP = b.addressPorts("http", ":80", b.listen)
	}
	if b.has("https") {
		f.HTTPS = b.addressPorts("https", ":443", b.listen)
		if b.length("https") == 0 {
			b.complain(b.attrs["https"].Expr.Range(), `https = [":443"]`,
				"%s: https is empty, and visitors who come by https would find nothing", b.title)
		}
	}
	b.apart(f.HTTP, f.HTTPS)
	f.CheckHTTPS = b.outside(f.Fallback)
	b.form()
	return f
}

// apart complains about an address that both HTTP and HTTPS want.
func (b body) apart(http, https []netip.AddrPort) {
	for _, a := range https {
		if slices.Contains(http, a) && a.Port() != 0 {
			b.complain(b.at, "give each its own port", "%s: http and https both listen at %s", b.title, a)
		}
	}
}

func everywhere(port uint16) []netip.AddrPort {
	return []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), port)}
}

// public reads our own addresses of one family.
func (b body) public(attribute, example string, family func(netip.Addr) bool) []netip.Addr {
	var out []netip.Addr
	for _, t := range b.texts(attribute, example, false) {
		a, ok := b.address(attribute, t)
		if !ok {
			continue
		}
		if !family(a) {
			b.complain(t.at, "move it to the other of ipv4 and ipv6", "%s: %s: %s is of the other family", b.title, attribute, a)
			continue
		}
		if b.once("the fallback's address "+a.String(), t.at, "take one out") {
			b.loader.fallback[a.String()] = t.at
			out = append(out, a)
		}
	}
	return out
}

// outside says where we look at ourselves.
func (b body) outside(f failover.Fallback) []netip.AddrPort {
	if b.has("check") {
		return b.addressPorts("check", "198.51.100.7:443", b.dial)
	}
	var out []netip.AddrPort
	for _, list := range [][]netip.Addr{f.IPv4, f.IPv6} {
		for _, a := range list {
			out = append(out, netip.AddrPortFrom(a, 443))
		}
	}
	return out
}

// form complains about a fallback that is nowhere, or in two ways, or cannot be looked at.
func (b body) form() {
	addresses, cname := b.has("ipv4") || b.has("ipv6"), b.has("cname")
	switch {
	case addresses && cname:
		b.complain(b.attrs["cname"].NameRange, "keep the addresses, or keep cname",
			"%s: cname and addresses are both given, and a name can have only one of them", b.title)
	case !addresses && !cname:
		b.missing("an address", `ipv4 = ["198.51.100.7"], this machine's public address, or cname = "fallback.example.net"`)
	case !cname && b.length("ipv4")+b.length("ipv6") == 0:
		b.missing("an address", `ipv4 = ["198.51.100.7"], this machine's public address`)
	}
	if b.has("check") && b.length("check") == 0 || cname && !addresses && !b.has("check") {
		b.missing("check", `check = ["198.51.100.7:443"], where visitors reach this server: it is never switched to unseen`)
	}
}
