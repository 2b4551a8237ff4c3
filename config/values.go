package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/failover-dns/failover/failover"
)

// list prints words as `"a", "b" or "c"`.
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	if len(quoted) == 1 {
		return quoted[0]
	}
	return strings.Join(quoted[:len(quoted)-1], ", ") + " or " + quoted[len(quoted)-1]
}

// hostProfile maps a name as typed to the A-labels that DNS and certificates use (RFC 5891, UTS 46),
// letters, digits and hyphens only. dnsProfile admits underscores too.
var (
	hostProfile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true))
	dnsProfile  = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false), idna.VerifyDNSLength(true))
	plainASCII  = regexp.MustCompile(`^[a-z0-9_.*-]+$`)
)

// hostName returns the canonical form of a name as typed; wildcard says whether "*." may lead.
func hostName(given string, profile *idna.Profile, wildcard bool) (string, error) {
	name := strings.TrimSuffix(given, ".")
	star := ""
	if wildcard && strings.HasPrefix(name, "*.") {
		star, name = "*.", name[2:]
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "", fmt.Errorf("%q is an address, not a name", given)
	}
	if strings.ContainsAny(name, "/:@ ") {
		return "", fmt.Errorf("%q is not a plain name; leave out scheme, port and path", given)
	}
	ascii, err := profile.ToASCII(name)
	if err != nil || !plainASCII.MatchString(ascii) || strings.Contains(ascii, "*") || strings.Contains(ascii, "..") {
		return "", fmt.Errorf("%q is not a host name", given)
	}
	return failover.CanonicalName(star + ascii), nil
}

// name reads one attribute that holds a name.
func (b body) name(attribute string, profile *idna.Profile) (string, bool) {
	t, ok := b.text(attribute)
	if !ok {
		return "", false
	}
	return b.asName(attribute, t, profile, false)
}

func (b body) asName(attribute string, t text, profile *idna.Profile, wildcard bool) (string, bool) {
	name, err := hostName(t.value, profile, wildcard)
	if err != nil {
		b.complain(t.at, "write the name alone, such as www.example.org", "%s: %s: %v", b.title, attribute, err)
		return "", false
	}
	return name, true
}

// address reads an IP address that a packet can be sent to.
func (b body) address(attribute string, t text) (netip.Addr, bool) {
	a, err := netip.ParseAddr(t.value)
	switch {
	case err != nil:
		b.complain(t.at, "write an address such as 192.0.2.10 or 2001:db8:1::10, without port",
			"%s: %s: %q is not an IP address", b.title, attribute, t.value)
	case a.Is4In6():
		b.complain(t.at, "write "+a.Unmap().String(), "%s: %s: %q is an IPv4 address in IPv6 form", b.title, attribute, t.value)
	case a.IsUnspecified() || a.IsMulticast() || a.Zone() != "":
		b.complain(t.at, "write the public address of the server", "%s: %s: %q is not the address of one server", b.title, attribute, t.value)
	default:
		return a, true
	}
	return netip.Addr{}, false
}

// dial reads "address:port" for connecting.
func (b body) dial(attribute, example string, t text) (netip.AddrPort, bool) {
	ap, err := netip.ParseAddrPort(t.value)
	if err != nil || ap.Port() == 0 || ap.Addr().IsUnspecified() || ap.Addr().Is4In6() {
		b.complain(t.at, "write it as in "+example, "%s: %s: %q is not an IP address with a port", b.title, attribute, t.value)
		return netip.AddrPort{}, false
	}
	return ap, true
}

// listen reads "address:port" or ":port" for listening; ":port" means every address, as [::]:port.
func (b body) listen(attribute, example string, t text) (netip.AddrPort, bool) {
	given := t.value
	if strings.HasPrefix(given, ":") {
		given = "[::]" + given
	}
	ap, err := netip.ParseAddrPort(given)
	if err != nil {
		b.complain(t.at, "write it as in "+example, "%s: %s: %q is not a listen address", b.title, attribute, t.value)
		return netip.AddrPort{}, false
	}
	return ap, true
}

// addressPorts reads a list with dial or listen.
func (b body) addressPorts(attribute, example string, read func(attribute, example string, t text) (netip.AddrPort, bool)) []netip.AddrPort {
	var out []netip.AddrPort
	first := map[netip.AddrPort]bool{}
	for _, t := range b.texts(attribute, example, false) {
		ap, ok := read(attribute, example, t)
		if !ok {
			continue
		}
		if first[ap] && ap.Port() != 0 {
			b.complain(t.at, "take one out", "%s: %s: %s is given twice", b.title, attribute, t.value)
			continue
		}
		first[ap] = true
		out = append(out, ap)
	}
	return out
}

// server reads "host:port", where the port may be left out.
func (b body) server(attribute string, t text, port string) (string, bool) {
	host, given, err := net.SplitHostPort(t.value)
	if err != nil {
		host, given = strings.Trim(t.value, "[]"), port
	}
	n, err := strconv.Atoi(given)
	_, notAddress := netip.ParseAddr(host)
	_, notName := hostName(host, hostProfile, false)
	if err != nil || n < 1 || n > 65535 || notAddress != nil && notName != nil {
		b.complain(t.at, fmt.Sprintf("write it as in \"192.0.2.53:%s\"", port),
			"%s: %s: %q is not a server's name or address with a port", b.title, attribute, t.value)
		return "", false
	}
	return net.JoinHostPort(host, given), true
}

// web reads a URL. Plain http is for loopback alone unless anywhere is set.
func (b body) web(attribute string, anywhere bool) string {
	t, ok := b.text(attribute)
	if !ok {
		return ""
	}
	u, err := url.Parse(t.value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		b.complain(t.at, "write it as in https://host.example.net/path", "%s: %s is not an https URL", b.title, attribute)
	case u.Scheme == "http" && !anywhere && !loopback(u.Hostname()):
		b.complain(t.at, "use https", "%s: %s is a plain http URL, which anybody on the way can read and change", b.title, attribute)
	default:
		return t.value
	}
	return ""
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}

var labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// label checks the name of a block: it stands in file names, metrics and commands.
func (b body) label(name string) bool {
	if labelPattern.MatchString(name) {
		return true
	}
	b.complain(b.at, "use letters, digits, - _ and . and start with a letter or digit", "%s: %q is not a name for a block", b.title, name)
	return false
}
