package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
)

// atOnce bounds how many sites are worked on at the same time.
const atOnce = 8

// each calls f for all names, some at once, and returns the errors in the order of the names.
func each(names []string, f func(string) error) []error {
	errs := make([]error, len(names))
	places := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, name := range names {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			errs[i] = f(name)
		})
	}
	wg.Wait()
	return errs
}

// reporter writes steps of several sites, a line each.
type reporter struct {
	mu sync.Mutex
	p  *program
}

func newReporter(p *program) *reporter { return &reporter{p: p} }

func (r *reporter) step(e failover.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.p.writeEntry(e, time.TimeOnly)
}

func (r *reporter) say(site, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.p.out, "%s  %s  %s\n", time.Now().Format(time.TimeOnly), site, text)
}
