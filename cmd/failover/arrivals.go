package main

import (
	"context"
	"slices"

	"github.com/failover-dns/failover/failover"
)

// arrivals holds the hosts whose certificate has just arrived. When it is full a host is left out:
// the look that comes every minute finds it.
type arrivals chan string

func newArrivals() arrivals { return make(arrivals, 1024) }

func (a arrivals) add(host string) {
	select {
	case a <- host:
	default:
	}
}

// lookAtArrivals looks at our own server as soon as a certificate has arrived, so that a site is
// ready then and not up to a minute later.
func (a *app) lookAtArrivals(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case host := <-a.arrivals:
			name := failover.CanonicalName(host)
			for _, s := range a.config().Sites {
				if slices.ContainsFunc(s.Hosts, func(h failover.Host) bool { return h.Name == name }) {
					for _, o := range a.lookAtOurselves(ctx, s) {
						a.monitor.Observe(o)
						a.controller.Observe(o)
					}
				}
			}
		}
	}
}
