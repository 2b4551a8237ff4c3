package certs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/libdns"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/failover-dns/failover/failover"
)

const (
	propagation = 5 * time.Minute  // until a challenge record is visible
	recordCall  = 20 * time.Second // of one call to a DNS provider
)

// solver sets a challenge record, waits until it is visible, and removes it, for one order.
type solver struct {
	dns01  certmagic.DNS01Solver
	log    *slog.Logger
	used   atomic.Bool // the order got as far as a challenge
	failed atomic.Bool // the record was not set or not seen: the CA is not to blame
}

var (
	_ acmez.Solver = (*solver)(nil)
	_ acmez.Waiter = (*solver)(nil)
)

func newSolver(options Options, name string) (*solver, error) {
	host := failover.CanonicalName(strings.TrimPrefix(name, "*."))
	provider, err := options.Solver(host)
	if err != nil {
		return nil, fmt.Errorf("nobody writes DNS-01 records for %s: %w", host, err)
	}
	return &solver{log: options.Log.With("host", name), dns01: certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{
		DNSProvider: bounded{provider}, PropagationTimeout: propagation, Resolvers: options.Resolvers,
	}}}, nil
}

func (s *solver) Present(ctx context.Context, c acme.Challenge) error {
	s.used.Store(true)
	s.log.Debug("setting a DNS-01 record", "record", c.DNS01TXTRecordName())
	return s.blame(s.dns01.Present(ctx, c))
}

func (s *solver) Wait(ctx context.Context, c acme.Challenge) error {
	began := time.Now()
	err := s.dns01.Wait(ctx, c)
	s.log.Debug("waited for a DNS-01 record to be visible", "record", c.DNS01TXTRecordName(), "took", time.Since(began), "err", err)
	return s.blame(err)
}

// CleanUp removes the record, even when the attempt was cancelled; acmez goes on if it fails.
func (s *solver) CleanUp(ctx context.Context, c acme.Challenge) error {
	err := s.dns01.CleanUp(ctx, c)
	if err != nil && !s.failed.Load() {
		s.log.Warn("a DNS-01 record was left behind; it is harmless, remove it some day", "record", c.DNS01TXTRecordName(), "err", err)
	}
	return err
}

func (s *solver) blame(err error) error {
	if err != nil {
		s.failed.Store(true)
	}
	return err
}

// bounded puts a limit on each call to a DNS provider, so that stopping is bounded too.
type bounded struct{ DNSProvider }

func (b bounded) AppendRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, recordCall, errSlow)
	defer cancel()
	return b.DNSProvider.AppendRecords(ctx, zone, records)
}

func (b bounded) DeleteRecords(ctx context.Context, zone string, records []libdns.Record) ([]libdns.Record, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, recordCall, errSlow)
	defer cancel()
	return b.DNSProvider.DeleteRecords(ctx, zone, records)
}

var errSlow = errors.New("the DNS provider did not answer in time")
