package config

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// StarterInput holds the answers that a starter file is made from. What is empty becomes a
// placeholder from the ranges that are reserved for documentation.
type StarterInput struct {
	Site     string   // name of the site; default "www"
	Hosts    []string // default the zone and www below it
	Zone     string
	Provider string   // "cloudflare" (default), "rfc2136" or "builtin"
	Server   string   // for rfc2136: the name server, host:port
	Origin   []string // addresses
	Fallback []string // addresses, IPv4 and IPv6
	Email    string
	ZoneNow  []string // what the zone holds today at the hosts, one record a line
}

// Starter returns a commented configuration file that [Load] accepts once the environment variables
// it names are set.
func Starter(in StarterInput) string {
	in.Zone = cmp.Or(in.Zone, "example.org")
	in.Site = cmp.Or(in.Site, "www")
	if len(in.Hosts) == 0 {
		in.Hosts = []string{in.Zone, "www." + in.Zone}
	}
	if len(in.Origin) == 0 {
		in.Origin = []string{"203.0.113.10"}
	}
	if len(in.Fallback) == 0 {
		in.Fallback = []string{"198.51.100.7"}
	}
	in.Email = cmp.Or(in.Email, "ops@"+in.Zone)
	return strings.Join([]string{
		"# Configuration of failover. Check it with: failover validate\n" +
			"# Relative paths are relative to this file. Secrets are read with env(\"NAME\") or file(\"/path\").\n",
		"# Who serves the DNS zones.\n" + in.provider(),
		fmt.Sprintf("# Certificates for the fallback, obtained by DNS before any outage.\nacme {\n  email = %s\n}\n", literal(in.Email)),
		"# This machine, as visitors reach it. It must not be the machine that is protected.\n" + in.fallback(),
		in.site(),
	}, "\n")
}

func (in StarterInput) provider() string {
	head := func(kind string) string {
		return fmt.Sprintf("dns %q \"main\" {\n  zones = [%s]\n", kind, literal(in.Zone))
	}
	switch in.Provider {
	case "rfc2136":
		return head("rfc2136") + fmt.Sprintf("  server = %s\n\n  tsig {\n    name = \"failover.\"\n    algorithm = \"hmac-sha256\"\n    secret = env(\"TSIG_SECRET\")\n  }\n}\n",
			literal(cmp.Or(in.Server, "192.0.2.53:53")))
	case "builtin":
		return "# failover itself is a name server of the zone; the parent zone must delegate to it.\n" +
			head("builtin") + fmt.Sprintf("  listen = [\":53\"]\n  nameservers = [%s]\n}\n", literal("ns1."+in.Zone))
	default:
		return "# The token needs the permission to edit DNS in these zones, and nothing else.\n" +
			head("cloudflare") + "  token = env(\"CLOUDFLARE_API_TOKEN\")\n}\n"
	}
}

func (in StarterInput) fallback() string {
	var v4, v6 []string
	for _, a := range in.Fallback {
		if strings.Contains(a, ":") {
			v6 = append(v6, a)
		} else {
			v4 = append(v4, a)
		}
	}
	var b strings.Builder
	b.WriteString("fallback {\n")
	if len(v4) > 0 {
		fmt.Fprintf(&b, "  ipv4 = [%s]\n", literal(v4...))
	}
	if len(v6) > 0 {
		fmt.Fprintf(&b, "  ipv6 = [%s]\n", literal(v6...))
	}
	b.WriteString("}\n")
	return b.String()
}

func (in StarterInput) site() string {
	var b strings.Builder
	if len(in.ZoneNow) > 0 {
		b.WriteString("# The zone holds today:\n")
	}
	for _, record := range in.ZoneNow {
		fmt.Fprintf(&b, "#   %s\n", printable(record))
	}
	fmt.Fprintf(&b, "site %s {\n  hosts  = [%s]\n", literal(in.Site), literal(in.Hosts...))
	fmt.Fprintf(&b, "  origin = [%s] # the protected server's own addresses\n", literal(in.Origin...))
	b.WriteString(`
  # The defaults, to change where needed:
  # down_after = "30s"       # switch after this long without a good look
  # up_after   = "2m"        # go back after this long without a bad one
  # recovery   = "automatic" # or "manual": only failover restore goes back

  # What the hosts hold while all is well, for a controller that lost its data directory during an outage
  # and has no copy of it (controller { backup = ["/mnt/elsewhere"] }):
  # records = ["www.example.org 300 A 203.0.113.10"]

  # Without a check block, https://HOST/ must answer 200-399 with a valid certificate.
  # check "https" "front" {
  #   path = "/healthz"
  #   body = "ok"
  # }
`)
	if host, only := onlyWildcards(in.Hosts); only {
		fmt.Fprintf(&b, "\n  # A wildcard cannot be asked for, so the check needs a name.\n  check \"https\" \"front\" {\n    host = %s\n  }\n", literal(host))
	}
	b.WriteString("}\n")
	return b.String()
}

// onlyWildcards tells whether no host can be asked for, and gives a name that can.
func onlyWildcards(hosts []string) (string, bool) {
	for _, h := range hosts {
		if !strings.HasPrefix(h, "*.") {
			return "", false
		}
	}
	return "www" + hosts[0][1:], true
}

// literal quotes texts as HCL's templates need it, separated by commas.
func literal(texts ...string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		quoted := strconv.Quote(printable(t))
		out[i] = strings.NewReplacer("${", "$${", "%{", "%%{").Replace(quoted)
	}
	return strings.Join(out, ", ")
}

// printable keeps a text on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
}
