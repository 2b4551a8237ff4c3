package e2e

import (
	"fmt"
	"strings"

	"github.com/failover-dns/failover/e2e/lab"
)

// limits are a site's, as short as a test wants them.
type limits struct {
	interval, timeout, down, up, dwell, quiet string
	site                                      string // more attributes of every site
	check                                     string // more attributes of every check
	shop                                      bool   // there is a second site
	acme                                      string // the acme block, if any
	quorum                                    int
	blocks                                    string  // more blocks
	island                                    *island // where the controller's network is; nil: with the test
	tmpfs                                     string  // size of a file system for the data directory
}

// quick are limits that make an outage last a few seconds.
func quick() limits {
	return limits{interval: "500ms", timeout: "500ms", down: "2s", up: "2s", dwell: "1s", quiet: "1s", quorum: 2}
}

// canary is the secret that webhooks are signed with.
const canary = "a-webhook-secret-that-must-never-print"

// config is the configuration of the world.
func (c *cell) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, `
controller {
  data_dir = %q
  socket   = %q
  admin    = ""
  %s
  webhook "ops" {
    url    = "http://%s/"
    secret = env("WEBHOOK_SECRET")
  }
}
%s
%s
fallback {
  same_network = true
  ipv4        = [%q]
  ipv6        = [%s]
  http        = [%q]
  https       = [%s]
  check_roots = %q
}
references {
  tcp      = [%s]
  quorum   = %d
  interval = "500ms"
  timeout  = "500ms"
}
%s
`, c.data, c.m.socket, c.ctl, c.hooks.addr, c.dnsBlock(), c.acme, c.fallback(), quoted(c.fallback6()), c.AddrPort(lab.AddrFallback, 80),
		quoted(c.doorsteps()), c.ca.file, quoted(c.places()), c.quorum, c.blocks)
	hosts := c.hosts()
	b.WriteString(c.siteBlock("www", hosts[:2]...))
	if c.shop {
		b.WriteString(c.siteBlock("shop", hosts[2]))
	}
	return b.String()
}

func (c *cell) dnsBlock() string {
	if c.api != nil {
		return fmt.Sprintf(`dns "cloudflare" "main" {
  zones         = [%q]
  token         = env("CF_TOKEN")
  endpoint      = %q
  ca_file       = %q
  authoritative = [%q]
}`, c.zone, c.endpoint(), c.ca.file, c.ns.Addr)
	}
	return fmt.Sprintf(`dns "rfc2136" "main" {
  zones         = [%q]
  server        = %q
  timeout       = "2s"
  authoritative = [%s]
  tsig {
    name   = %q
    secret = env("TSIG_SECRET")
  }
}`, c.zone, c.updates(), quoted(c.nameServers()), lab.TSIGName)
}

func (c *cell) siteBlock(name string, hosts ...string) string {
	return fmt.Sprintf(`
site %q {
  hosts      = ["%s"]
  origin     = [%s]
  down_after = %q
  up_after   = %q
  dwell      = %q
  quiet      = %q
  armed_ttl  = "1s"
  %s
  check "https" "front" {
    body     = "all is well"
    interval = %q
    recheck  = "200ms"
    timeout  = %q
    %s
  }
}
`, name, strings.Join(hosts, `", "`), quoted(c.watched()), c.down, c.up, c.dwell, c.quiet, c.site, c.interval, c.timeout, c.check)
}
