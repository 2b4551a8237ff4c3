package config

import (
	"maps"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"

	"github.com/failover-dns/failover/failover"
)

// schema is what may stand in a block: the one list that decoding, suggestions and the test of
// docs/configuration.md go by.
type schema struct {
	Attributes []string
	Blocks     []nested
}

// nested is a kind of block inside another.
type nested struct {
	Type   string
	Labels []string
}

var (
	fileSchema = schema{Blocks: []nested{
		{"controller", nil}, {"dns", []string{"kind", "name"}}, {"acme", nil}, {"fallback", nil},
		{"references", nil}, {"propagation", nil}, {"site", []string{"name"}},
	}}
	controllerSchema = schema{
		Attributes: []string{"data_dir", "socket", "admin", "log_level", "log_format", "resolvers", "backup", "backup_keep"},
		Blocks:     []nested{{"webhook", []string{"name"}}},
	}
	webhookSchema = schema{Attributes: []string{"url", "secret"}}
	// dnsSchemas is by kind of provider.
	dnsSchemas = map[string]schema{
		"cloudflare": {Attributes: []string{"zones", "authoritative", "token", "acme_token", "endpoint", "ca_file"}},
		"rfc2136":    {Attributes: []string{"zones", "authoritative", "server", "timeout"}, Blocks: []nested{{"tsig", nil}}},
		"builtin":    {Attributes: []string{"zones", "authoritative", "listen", "nameservers", "records"}},
	}
	tsigSchema = schema{Attributes: []string{"name", "algorithm", "secret"}}
	acmeSchema = schema{
		Attributes: []string{"directory", "email", "trusted_roots", "dns", "profile", "resolvers", "renew_before"},
		Blocks:     []nested{{"eab", nil}},
	}
	eabSchema         = schema{Attributes: []string{"key_id", "hmac"}}
	fallbackSchema    = schema{Attributes: []string{"ipv4", "ipv6", "cname", "http", "https", "check", "check_roots", "min_validity", "same_network"}}
	referencesSchema  = schema{Attributes: []string{"tcp", "dns", "quorum", "interval", "timeout", "none", "mass_failure"}}
	propagationSchema = schema{Attributes: []string{"resolvers", "within"}}
	siteSchema        = schema{
		Attributes: []string{"hosts", "origin", "down_after", "up_after", "dwell", "quiet", "armed_ttl", "armed", "retry_after",
			"recovery", "on_overwrite", "overwrite_grace", "down_when", "max_failovers", "priority", "page", "records"},
		Blocks: []nested{{"check", []string{"kind", "name"}}},
	}
	checkCommon = []string{"interval", "recheck", "timeout", "slow"}
	checkHTTP   = []string{"host", "path", "method", "headers", "status", "body", "follow_redirects", "port"}
	checkTLS    = []string{"verify", "expiry_warning"}
	// checkSchemas is by kind of check.
	checkSchemas = map[string]schema{
		failover.CheckHTTP:  {Attributes: slices.Concat(checkHTTP, checkCommon)},
		failover.CheckHTTPS: {Attributes: slices.Concat(checkHTTP, checkTLS, checkCommon)},
		failover.CheckTLS:   {Attributes: slices.Concat([]string{"host", "port"}, checkTLS, checkCommon)},
		failover.CheckTCP:   {Attributes: slices.Concat([]string{"port"}, checkCommon)},
		failover.CheckDNS:   {Attributes: slices.Concat([]string{"name", "type", "answer", "port"}, checkCommon)},
	}
	// hidden are the attributes whose values are never shown, not even as part of a source line.
	hidden = []string{"token", "acme_token", "secret", "hmac", "headers"}
)

// body returns the schema in the form that hcl takes. Nothing is required there: our own
// complaints about what is missing say more.
func (s schema) body() *hcl.BodySchema {
	out := &hcl.BodySchema{}
	for _, name := range s.Attributes {
		out.Attributes = append(out.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, b := range s.Blocks {
		out.Blocks = append(out.Blocks, hcl.BlockHeaderSchema{Type: b.Type, LabelNames: b.Labels})
	}
	return out
}

func (s schema) hasBlock(name string) bool {
	return slices.ContainsFunc(s.Blocks, func(b nested) bool { return b.Type == name })
}

// names lists attributes and blocks.
func (s schema) names() []string {
	out := slices.Clone(s.Attributes)
	for _, b := range s.Blocks {
		out = append(out, b.Type)
	}
	return out
}

// everyName lists the attributes of all blocks.
func everyName() []string {
	all := []schema{controllerSchema, webhookSchema, tsigSchema, acmeSchema, eabSchema, fallbackSchema, referencesSchema, propagationSchema, siteSchema}
	all = slices.AppendSeq(all, maps.Values(dnsSchemas))
	all = slices.AppendSeq(all, maps.Values(checkSchemas))
	var out []string
	for _, s := range all {
		out = append(out, s.Attributes...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// nearest returns the known name that was most likely meant, or "".
func nearest(given string, known []string) string {
	given = strings.ReplaceAll(strings.ToLower(given), "-", "_")
	best, least := "", 1+max(1, len(given)/3)
	for _, k := range known {
		if d := levenshtein.Distance(given, k, nil); d < least {
			best, least = k, d
		}
	}
	return best
}
