package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/probe"
)

// ownInterval is how often we look at our own server while nothing happens. A certificate that
// arrives has us look at once (see arrivals).
const ownInterval = time.Minute

// referenceKey begins the keys of looks at references.
const referenceKey = "reference "

func isReference(j probe.Job) bool { return strings.HasPrefix(j.Key, referenceKey) }

// looks are all that a configuration asks to be looked at.
type looks struct {
	jobs   []probe.Job
	origin map[string][]probe.Func // by site
	own    map[string][]probe.Func // our own server, by site
}

// lookOptions are what looks are made from beside the configuration.
type lookOptions struct {
	vantage, version string
	// certificate says what is wrong with a host's certificate; nil, or "", where nothing is known.
	certificate func(host string) (trouble string, presses bool)
}

func newLooks(cfg *config.Config, o lookOptions) (*looks, error) {
	l := &looks{origin: map[string][]probe.Func{}, own: map[string][]probe.Func{}}
	roots, err := loadRoots(cfg.Fallback.CheckRoots)
	if err != nil {
		return nil, err
	}
	opt := probe.Options{Vantage: o.vantage, UserAgent: "failover/" + o.version + " (+health check)"}
	for _, ref := range cfg.References.Checks {
		look, err := probe.Reference(ref.Kind, ref.Address, cfg.References.Timeout, opt)
		if err != nil {
			return nil, err
		}
		l.jobs = append(l.jobs, probe.Job{Key: referenceKey + ref.Kind + " " + ref.Address, Interval: cfg.References.Interval,
			Recheck: time.Second, Timeout: cfg.References.Timeout + time.Second, Look: look})
	}
	if o.certificate == nil {
		o.certificate = func(string) (string, bool) { return "", false }
	}
	for _, s := range cfg.Sites {
		if err := l.addOrigin(s, opt); err != nil {
			return nil, err
		}
		if err := l.addOwn(s, cfg.Fallback, opt, roots, o.certificate); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *looks) addOrigin(s failover.Site, opt probe.Options) error {
	for _, h := range s.Hosts {
		opt.Hosts = append(opt.Hosts, h.Name)
	}
	for _, check := range s.Checks {
		for _, address := range s.Origin {
			look, err := probe.New(s.Name, check, address, opt)
			if err != nil {
				return err
			}
			l.origin[s.Name] = append(l.origin[s.Name], look)
			l.jobs = append(l.jobs, probe.Job{Key: fmt.Sprintf("origin %s %s %s", s.Name, check.Name, address), Site: s.Name,
				Interval: check.Interval, Recheck: check.Recheck, Settle: s.Policy.DownAfter, Timeout: check.Timeout + time.Second, Look: look})
		}
	}
	return nil
}

func (l *looks) addOwn(s failover.Site, f config.Fallback, opt probe.Options, roots *x509.CertPool, certificate func(string) (string, bool)) error {
	opt.Roots, opt.MinValidity = roots, f.MinValidity
	for _, h := range s.Hosts {
		for _, address := range f.CheckHTTPS {
			look, err := probe.Fallback(s.Name, h, address, opt)
			if err != nil {
				return err
			}
			look = knowing(look, func() (string, bool) { return certificate(h.Name) })
			l.own[s.Name] = append(l.own[s.Name], look)
			l.jobs = append(l.jobs, probe.Job{Key: fmt.Sprintf("own %s %s %s", s.Name, h.Name, address), Site: s.Name,
				Interval: ownInterval, Recheck: 2 * time.Second, Settle: 10 * time.Second, Look: look})
		}
	}
	return nil
}

// knowing adds to a look at our own server what we know ourselves to be wrong with the certificate.
func knowing(look probe.Func, trouble func() (why string, presses bool)) probe.Func {
	return func(ctx context.Context) failover.Observation {
		o := look(ctx)
		switch known, presses := trouble(); {
		case known == "":
		case o.Health == failover.Down:
			o.Detail = known
		case presses:
			o.Warning = fmt.Sprintf("the certificate ends at %s: %s", o.Expiry.UTC().Format(time.RFC3339), known)
		}
		return o
	}
}

// all makes looks at the same time and returns what they saw, in their order.
func all(ctx context.Context, list []probe.Func) []failover.Observation {
	seen := make([]failover.Observation, len(list))
	var wg sync.WaitGroup
	for i, look := range list {
		wg.Go(func() { seen[i] = look(ctx) })
	}
	wg.Wait()
	return seen
}
