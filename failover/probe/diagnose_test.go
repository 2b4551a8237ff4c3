package probe

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// causes reads the Cause constants from the domain's source, so that a new one cannot be forgotten.
func causes(t *testing.T) []failover.Cause {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../observation.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []failover.Cause
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Cause" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, failover.Cause(text))
		}
		return true
	})
	return all
}

func TestEveryCauseIsExplained(t *testing.T) {
	all := causes(t)
	if len(all) < 20 {
		t.Fatalf("found only %v", all)
	}
	for _, c := range all {
		if e, found := Explain(c); !found || e.Meaning == "" || e.Try == "" {
			t.Errorf("cause %s: %+v", c, e)
		}
	}
	if len(explanations) != len(all) {
		t.Errorf("%d explanations for %d causes", len(explanations), len(all))
	}
	if _, found := Explain("new"); found {
		t.Error("an unknown cause is explained")
	}
}

func exampleSite() failover.Site {
	return failover.Site{
		Name:   "www",
		Hosts:  []failover.Host{{Name: "www.example.org."}},
		Origin: []netip.Addr{netip.MustParseAddr("203.0.113.10")},
		Checks: []failover.Check{
			{Name: "front", Kind: failover.CheckHTTPS, Body: "well"}, {Name: "plain", Kind: failover.CheckHTTP},
			{Name: "mail", Kind: failover.CheckTCP}, {Name: "zone", Kind: failover.CheckDNS}, {Name: "cert", Kind: failover.CheckTLS},
		},
	}
}

func seen(check string, health failover.Health, cause failover.Cause) failover.Observation {
	return failover.Observation{Site: "www", Role: failover.RoleOrigin, Check: check, Address: "203.0.113.10:443",
		Health: health, Cause: cause, Timings: failover.Timings{Connect: time.Millisecond}}
}

// broken finds the layer that broke.
func broken(layers []Layer) *Layer {
	for i := range layers {
		if layers[i].State == LayerBroken {
			return &layers[i]
		}
	}
	return &Layer{}
}

func TestBrokenLayer(t *testing.T) {
	expiry := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		check   string
		cause   failover.Cause
		expiry  time.Time
		first   time.Duration
		layer   string
		skipped int
	}{
		"refused":               {check: "front", cause: failover.CauseRefused, layer: LayerTCP, skipped: 3},
		"expired":               {check: "front", cause: failover.CauseTLSExpired, layer: LayerTLS, skipped: 2},
		"silence before TLS":    {check: "front", cause: failover.CauseTimeout, layer: LayerTLS, skipped: 2},
		"silence after TLS":     {check: "front", cause: failover.CauseTimeout, expiry: expiry, layer: LayerHTTP, skipped: 1},
		"silence in the body":   {check: "front", cause: failover.CauseReset, expiry: expiry, first: 1, layer: LayerContent},
		"silence in plain HTTP": {check: "plain", cause: failover.CauseTimeout, layer: LayerHTTP},
		"body":                  {check: "front", cause: failover.CauseBody, expiry: expiry, first: 1, layer: LayerContent},
		"slow":                  {check: "front", cause: failover.CauseSlow, expiry: expiry, first: 1, layer: LayerContent},
		"slow connect":          {check: "mail", cause: failover.CauseSlow, layer: LayerTCP},
		"handshake":             {check: "cert", cause: failover.CauseTLSHandshake, layer: LayerTLS},
		"name":                  {check: "zone", cause: failover.CauseNXDOMAIN, layer: LayerDNS},
		"name server":           {check: "zone", cause: failover.CauseRefused, layer: LayerDNS},
		"unknown check":         {check: "gone", cause: failover.CauseStatus, layer: LayerTCP},
	} {
		t.Run(name, func(t *testing.T) {
			o := seen(c.check, failover.Down, c.cause)
			o.Expiry, o.Timings.FirstByte = c.expiry, c.first
			layers := Diagnose(exampleSite(), []failover.Observation{o}, nil)
			skipped := 0
			for _, l := range layers {
				if l.State == LayerSkipped {
					skipped++
				}
			}
			if l := broken(layers); l.Name != c.layer || l.Cause != c.cause || l.Meaning == "" || skipped != c.skipped {
				t.Errorf("got %+v, %d layers not reached; want %s, %d", l, skipped, c.layer, c.skipped)
			}
		})
	}
}

func TestMeaningDependsOnOtherLooks(t *testing.T) {
	reference := failover.Observation{Role: failover.RoleReference, Check: "tcp 192.0.2.1:443", Health: failover.Up}
	offline := reference
	offline.Health = failover.Down
	timeout := seen("front", failover.Down, failover.CauseConnectTimeout)
	elsewhere := seen("front", failover.Up, "")
	elsewhere.Vantage = "other"
	status := seen("front", failover.Down, failover.CauseStatus)
	for name, c := range map[string]struct {
		obs  []failover.Observation
		want string
	}{
		"the origin alone": {[]failover.Observation{timeout, reference}, "packets vanish"},
		"we are offline":   {[]failover.Observation{timeout, offline}, "our own network"},
		"only from here":   {[]failover.Observation{timeout, elsewhere, reference}, "Fail2Ban"},
		"an answer is one": {[]failover.Observation{status, elsewhere, offline}, "an error"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, l := range Diagnose(exampleSite(), c.obs, nil) {
				if l.Cause != "" && !strings.Contains(l.Meaning, c.want) {
					t.Errorf("got %q, want %q", l.Meaning, c.want)
				}
			}
		})
	}
}

func TestNames(t *testing.T) {
	at := []string{"203.0.113.10"}
	for name, c := range map[string]struct {
		name  Name
		state LayerState
		text  string
	}{
		"origin":    {Name{Published: at, Resolved: at}, LayerOK, "the origin"},
		"fallback":  {Name{Published: []string{"198.51.100.7"}}, LayerOK, "which is not the origin"},
		"alias":     {Name{Published: []string{"cdn.example.net."}, Resolved: at}, LayerOK, "which is not the origin"},
		"old cache": {Name{Published: at, Resolved: []string{"198.51.100.7"}}, LayerOK, "caches keep"},
		"empty":     {Name{}, LayerBroken, "no address"},
		"no API":    {Name{PublishedErr: errors.New("unauthorized")}, LayerBroken, "unauthorized"},
		"no answer": {Name{Published: at, ResolvedErr: errors.New("server misbehaving")}, LayerBroken, "does not resolve"},
	} {
		t.Run(name, func(t *testing.T) {
			c.name.Host = "www.example.org."
			l := Diagnose(exampleSite(), nil, []Name{c.name})[0]
			if l.State != c.state || !strings.Contains(l.Detail+l.Warning, c.text) || (l.State == LayerBroken) != (l.Try != "") {
				t.Errorf("got %+v", l)
			}
		})
	}
}

func ExampleWriteReport() {
	front := seen("front", failover.Down, failover.CauseTLSExpired)
	front.Detail = "x509: certificate has expired or is not yet valid"
	front.Timings = failover.Timings{Connect: 12 * time.Millisecond, TLS: 34 * time.Millisecond}
	mail := seen("mail", failover.Up, "")
	mail.Address = "203.0.113.10:25"
	obs := []failover.Observation{mail, front,
		{Role: failover.RoleReference, Check: "tcp 192.0.2.1:443", Health: failover.Up},
		{Role: failover.RoleFallback, Check: "www.example.org.", Address: "198.51.100.7:443", Health: failover.Up,
			Warning: "the certificate ends in 9 days, at 2027-01-02T00:00:00Z", Expiry: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)},
	}
	names := []Name{{Host: "www.example.org.", Published: []string{"203.0.113.10"}, Resolved: []string{"203.0.113.10"}}}
	WriteReport(os.Stdout, exampleSite(), Diagnose(exampleSite(), obs, names))
	// Output:
	// site www: TLS is broken at origin 203.0.113.10:443, check front
	//
	// references
	//   us       ok                    1 of 1 references answer
	//
	// name www.example.org
	//   DNS      ok                    the zone says 203.0.113.10, the origin
	//
	// origin 203.0.113.10:25, check mail
	//   TCP      ok               1ms
	//
	// origin 203.0.113.10:443, check front
	//   TCP      ok              12ms
	//   TLS      BROKEN          34ms  x509: certificate has expired or is not yet valid
	//            means:   the certificate is not valid today, usually because a renewal failed unnoticed; browsers refuse the site
	//            try:     renew the certificate and reload the server; check the clocks of both machines
	//   HTTP     not reached
	//   content  not reached
	//
	// fallback 198.51.100.7:443, check www.example.org
	//   TCP      ok
	//   TLS      ok                    certificate valid until 2027-01-02
	//            warning: the certificate ends in 9 days, at 2027-01-02T00:00:00Z
	//   HTTP     ok
}

func TestReportSummaries(t *testing.T) {
	for _, c := range []struct {
		health failover.Health
		want   string
	}{{failover.Up, "is well"}, {failover.Unknown, "not everything could be seen"}, {failover.Down, "TCP is broken"}} {
		var out strings.Builder
		layers := Diagnose(exampleSite(), []failover.Observation{seen("mail", c.health, failover.CauseRefused)}, nil)
		if err := WriteReport(&out, exampleSite(), layers); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, %s", c.health, err, out.String())
		}
	}
}
