package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

const (
	zone = "example.org."
	host = "www.example.org"
	name = host + "."
)

// hosts are the site's: one beside other records, the apex with all that stands there, a wildcard.
var hosts = []string{host, "example.org", "*.apps.example.org"}

// managed are the record sets of the site's hosts that a switch may touch.
var managed = []string{name + " A", name + " AAAA", name + " HTTPS", zone + " A", zone + " AAAA",
	"*.apps.example.org. A", "*.apps.example.org. CNAME"}

// zoneText is the zone before anything happens: the site's hosts with every type that moves with
// them and some that do not, and neighbours that are not declared.
const zoneText = `$TTL 300
@ SOA ns1 hostmaster 1 60 30 604800 5
@ NS ns1
@ 300 A ORIGIN
@ 300 AAAA 2001:db8::20
@ MX 10 mail
@ TXT "v=spf1 mx -all"
@ CAA 0 issue "pebble.letsencrypt.org"
ns1 A NS
mail A 192.0.2.25
www 5 A ORIGIN
www 5 AAAA 2001:db8::20
www 7 HTTPS 1 . alpn="h2,h3" ipv4hint=ORIGIN
www 300 TXT "a note beside the address"
www 300 MX 20 mail
*.apps 4 CNAME www
shop 60 CNAME www
static 600 A 192.0.2.80
_dmarc TXT "v=DMARC1; p=none"
`

// world is everything around the controller for one zone at a name server of its own.
type world struct {
	*lab.Lab
	ns        *lab.NameServer
	resolver  *lab.Resolver
	authority *lab.Authority
	acme      *lab.ACME
	origin    *lab.Origin
	reference *lab.Reference
	before    []string // the whole zone, before the controller saw it
}

// newWorld starts a world around a kind of name server.
func newWorld(t *testing.T, start func(l *lab.Lab, zone, records string) *lab.NameServer) *world {
	t.Helper()
	w := &world{Lab: lab.New(t)}
	text := strings.NewReplacer("ORIGIN", w.originAddr(), "NS\n", "NS\n", "A NS", "A "+w.Addr(lab.AddrNS).String()).Replace(zoneText)
	w.ns = start(w.Lab, zone, text)
	w.resolver = w.Unbound(w.ns)
	w.authority = w.Authority()
	w.acme = w.Pebble(w.authority, w.resolver)
	w.origin = w.Origin(w.authority, []string{host}, lab.AddrOrigin)
	w.reference = w.Reference()
	w.before = w.ns.Dump(t)
	return w
}

func (w *world) originAddr() string   { return w.Addr(lab.AddrOrigin).String() }
func (w *world) fallbackAddr() string { return w.Addr(lab.AddrFallback).String() }

// config is a configuration for the world: one-second probes, three seconds down.
func (w *world) config() string {
	return w.controllerBlock() + fmt.Sprintf(`
dns "rfc2136" "main" {
  zones  = ["example.org"]
  server = %q
  tsig {
    name      = %q
    algorithm = "hmac-sha256"
    secret    = env("TSIG_SECRET")
  }
}
`, w.ns.Addr, lab.TSIGName) + w.site("www", hosts, w.originAddr())
}

// controllerBlock is all of a configuration but the dns block and the sites.
func (w *world) controllerBlock() string {
	return fmt.Sprintf(`
controller {
  data_dir  = %q
  admin     = ""
  log_level = "debug"
  resolvers = [%q]
}
acme {
  directory     = %q
  email         = "ops@example.org"
  trusted_roots = %q
  dns           = "main"
  resolvers     = [%q]
}
fallback {
  ipv4        = [%q]
  http        = [%q]
  https       = [%q]
  check_roots = %q
}
references {
  tcp      = [%q]
  interval = "1s"
  timeout  = "1s"
}
`, w.Folder("data"), w.resolver.Addr, w.acme.Directory, w.authority.File, w.resolver.Addr,
		w.fallbackAddr(), w.AddrPort(lab.AddrFallback, 80), w.AddrPort(lab.AddrFallback, 443), w.acme.RootFile,
		w.reference.Addr)
}

// site is a site block with limits short enough for a test.
func (w *world) site(name string, hosts []string, origin ...string) string {
	return fmt.Sprintf(`
site %q {
  hosts       = ["%s"]
  origin      = ["%s"]
  down_after  = "3s"
  up_after    = "3s"
  dwell       = "4s"
  quiet       = "4s"
  armed_ttl   = "2s"
  retry_after = "90s"
  check "https" "front" {
    path     = "/"
    body     = "all is well"
    interval = "1s"
    timeout  = "1s"
  }
}
`, name, strings.Join(hosts, `", "`), strings.Join(origin, `", "`))
}

// env is what the controller needs in its environment: secrets, and the root that origins and APIs have.
func (w *world) env() []string {
	return []string{"TSIG_SECRET=" + lab.TSIGSecret, "CF_TOKEN=" + apiToken, "SSL_CERT_FILE=" + w.authority.File}
}

const apiToken = "a-token-that-must-never-print"

// visitor finds hosts through the resolver and trusts the origin's and the fallback's authorities.
func (w *world) visitor() lab.Visitor {
	return lab.Visitor{Roots: w.Pool(w.authority.File, w.acme.RootFile), Resolver: w.resolver.Addr}
}

// direct visits the fallback by its address, whatever the zone says.
func (w *world) direct() lab.Visitor {
	return lab.Visitor{Roots: w.Pool(w.acme.RootFile), At: w.fallbackAddr()}
}

// long ends a wait that will never succeed. No figure is judged by it.
const long = 90 * time.Second

// checkSecrets fails the test if a secret stands in anything that the controller wrote.
func (w *world) checkSecrets(t *testing.T, c *lab.Controller) {
	t.Helper()
	for _, secret := range []string{lab.TSIGSecret, apiToken} {
		if strings.Contains(c.Output(), secret) {
			t.Errorf("the log holds a secret")
		}
	}
}
