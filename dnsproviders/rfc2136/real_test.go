package rfc2136_test

import (
	"testing"

	"github.com/failover-dns/failover/dnsproviders/zonetest"
)

func TestBINDKeepsTheContract(t *testing.T) {
	p := startBIND(t)
	zonetest.Run(t, p.harness(p.provider(t)))
}

func TestKnotKeepsTheContract(t *testing.T) {
	p := startKnot(t)
	zonetest.Run(t, p.harness(p.provider(t)))
}
