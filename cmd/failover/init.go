package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/failover-dns/failover/config"
)

// starter is what `failover init` was told.
type starter struct {
	in       config.StarterInput
	force    bool
	offline  bool
	resolver string
}

// newInit writes a starter file.
func newInit(p *program) *cobra.Command {
	s := starter{}
	c := &cobra.Command{
		Use:   "init [PATH]",
		Short: "Write a commented configuration to start from",
		Long: "Write a commented configuration to start from, by default where --config points; \"-\" writes to standard\n" +
			"output. On a terminal it asks for what the flags leave open. What DNS says of the hosts today is noted\n" +
			"in the file, and their addresses are proposed as the origin's.",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			path := p.config
			if len(given) == 1 {
				path = given[0]
			}
			return s.run(c.Context(), p, path)
		},
	}
	f := c.Flags()
	f.StringVar(&s.in.Zone, "zone", "", "DNS `zone`, such as example.org (required without a terminal)")
	f.StringVar(&s.in.Site, "site", "", "`name` of the site (default www)")
	f.StringSliceVar(&s.in.Hosts, "host", nil, "`host` of the site, may be repeated (default: the zone and www below it)")
	f.StringSliceVar(&s.in.Origin, "origin", nil, "`address` of the protected server, may be repeated (default: what the hosts resolve to)")
	f.StringSliceVar(&s.in.Fallback, "fallback", nil, "public `address` of the machine failover runs on, may be repeated")
	f.StringVar(&s.in.Provider, "provider", "", "who serves the zone: `cloudflare`, rfc2136 or builtin (default cloudflare)")
	f.StringVar(&s.in.Server, "server", "", "for rfc2136: the name `server`, host:port")
	f.StringVar(&s.in.Email, "email", "", "`address` for the certificate authority")
	f.StringVar(&s.resolver, "resolver", "", "ask this DNS `server`, host:port, instead of the system's")
	f.BoolVar(&s.offline, "offline", false, "look nothing up")
	f.BoolVar(&s.force, "force", false, "overwrite the file")
	return c
}

func (s *starter) run(ctx context.Context, p *program, path string) error {
	if err := refuseExisting(path, s.force); err != nil { // before any question
		return err
	}
	if err := s.ask(p); err != nil {
		return err
	}
	if err := s.verify(); err != nil {
		return err
	}
	if len(s.in.Hosts) == 0 {
		s.in.Hosts = []string{s.in.Zone, "www." + s.in.Zone}
	}
	if !s.offline {
		s.lookUp(ctx, p)
	}
	if err := s.askAddresses(p); err != nil {
		return err
	}
	if path == "-" {
		_, err := fmt.Fprint(p.out, config.Starter(s.in))
		return err
	}
	if err := writeNew(path, config.Starter(s.in), s.force); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "wrote %s\n", path)
	s.todo(p, path)
	return nil
}

// ask asks for what the flags left open and cannot be looked up.
func (s *starter) ask(p *program) error {
	if !p.interactive() {
		if s.in.Zone == "" {
			return usage("which zone is it; try: failover init --zone example.org")
		}
		return nil
	}
	return p.fill([]blank{
		{"Zone, such as example.org: ", &s.in.Zone},
		{"Provider: cloudflare, rfc2136 or builtin [cloudflare]: ", &s.in.Provider},
		{"E-mail address for the certificate authority: ", &s.in.Email},
	})
}

// askAddresses asks for the addresses that neither flags nor DNS gave.
func (s *starter) askAddresses(p *program) error {
	if !p.interactive() {
		return nil
	}
	var origin, fallback string
	var blanks []blank
	if len(s.in.Origin) == 0 {
		blanks = append(blanks, blank{"Addresses of the protected server, separated by spaces: ", &origin})
	}
	if len(s.in.Fallback) == 0 {
		blanks = append(blanks, blank{"Public addresses of the machine failover runs on: ", &fallback})
	}
	if err := p.fill(blanks); err != nil {
		return err
	}
	s.in.Origin = append(s.in.Origin, words(origin)...)
	s.in.Fallback = append(s.in.Fallback, words(fallback)...)
	return s.verify()
}

// blank is a question and where its answer goes, unless something is there already.
type blank struct {
	question string
	answer   *string
}

func (p *program) fill(blanks []blank) error {
	for _, b := range blanks {
		if *b.answer != "" {
			continue
		}
		answer, err := p.question(b.question)
		if err != nil {
			return err
		}
		*b.answer = answer
	}
	return nil
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
}

// verify refuses what the file could not hold.
func (s *starter) verify() error {
	s.in.Zone = strings.TrimSuffix(strings.ToLower(s.in.Zone), ".")
	if s.in.Zone == "" {
		return usage("a zone is needed; try: failover init --zone example.org")
	}
	if p := s.in.Provider; p != "" && !slices.Contains([]string{"cloudflare", "rfc2136", "builtin"}, p) {
		return usage("unknown provider %q; try: --provider cloudflare, rfc2136 or builtin", p)
	}
	for _, a := range slices.Concat(s.in.Origin, s.in.Fallback) {
		if _, err := netip.ParseAddr(a); err != nil {
			return usage("%q is not an IP address; try: 203.0.113.10 or 2001:db8:1::10", a)
		}
	}
	return nil
}

// todo says what is left to do by hand.
func (s *starter) todo(p *program, path string) {
	if len(s.in.Origin) == 0 {
		p.warn("the origin's address in it is an example; put in the protected server's own")
	}
	if len(s.in.Fallback) == 0 {
		p.warn("the fallback's address in it is an example; put in the public address of the machine failover runs on")
	}
	if s.in.Provider == "rfc2136" && s.in.Server == "" {
		p.warn("the name server in it is an example; put in your primary's address")
	}
	if s.in.Email == "" {
		p.warn("the e-mail address in it is ops@ and the zone; put in one that is read")
	}
	for _, secret := range []struct{ provider, name string }{{"", "CLOUDFLARE_API_TOKEN"}, {"cloudflare", "CLOUDFLARE_API_TOKEN"}, {"rfc2136", "TSIG_SECRET"}} {
		if s.in.Provider == secret.provider {
			fmt.Fprintf(p.out, "next: put the credential into the environment variable %s\n", secret.name)
		}
	}
	fmt.Fprintf(p.out, "next: failover validate %s\n", path)
}
