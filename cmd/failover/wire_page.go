package main

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/fallback"
	"github.com/failover-dns/failover/site"
)

// publisher renders what the controller wants shown and hands it to the fallback, all sites at
// once, so that no visitor ever sees half of a change.
type publisher struct {
	store  *site.Store
	server *fallback.Server

	mu      sync.Mutex
	shown   map[string]shown
	changes uint64 // counts changes of shown

	pushing sync.Mutex // held while the table is made; before mu
	pushed  uint64     // the changes that the fallback has
}

// shown is what was last wanted for a site, and what was made of it.
type shown struct {
	site    failover.Site
	since   time.Time
	serving bool
	onward  bool // visitors are handed on: the origin serves again
	notice  failover.Notice
	err     error
}

// set makes the table of exactly these sites. Sites that are new start as their state says; those
// that stay keep what they show.
func (p *publisher) set(sites []failover.Site, state func(name string) failover.State) error {
	defer p.push()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	next := make(map[string]shown, len(sites))
	var errs []error
	for _, s := range sites {
		now, known := p.shown[s.Name]
		if !known {
			st := state(s.Name)
			now.since, now.serving = st.OutageSince, st.Visitors(time.Now())
			now.onward = now.serving && !st.Phase.Serving()
		}
		now.site = s
		p.render(&now)
		errs = append(errs, now.err)
		next[s.Name] = now
	}
	p.shown = next
	return errors.Join(errs...)
}

// publish shows one site as its state wants, and returns once visitors see it.
func (p *publisher) publish(s failover.Site, state failover.State, serving bool) error {
	defer p.push()
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.shown[s.Name]
	if !known {
		return nil // the site left with a reload
	}
	now := old
	now.since, now.serving, now.onward = state.OutageSince, serving, serving && !state.Phase.Serving()
	p.render(&now)
	p.shown[s.Name] = now
	if old.err != nil || old.serving != serving || old.onward != now.onward || serving && !old.since.Equal(now.since) {
		p.changes++
	}
	return now.err
}

// refresh renders what is served again: a page was edited, or another day has begun.
func (p *publisher) refresh() {
	defer p.push()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	for name, now := range p.shown {
		if now.serving {
			p.render(&now)
			p.shown[name] = now
		}
	}
}

// render makes the notice of one site; p.mu is held. A page that cannot be made leaves the last
// one, and the error says so.
func (p *publisher) render(s *shown) {
	source, _ := p.store.Get(s.site.Page) // the store says what is wrong with an edit; the last good page is served
	notice, err := source.Render(site.RenderInput{Site: s.site, Serving: s.serving, Since: s.since, Now: time.Now()})
	if err == nil {
		s.notice = notice
	}
	s.notice.Onward = nil
	if s.onward {
		s.notice.Onward = onward(s.site)
	}
	s.err = err
}

// onward is where a site's visitors are handed on to after the way back: the ports are those of
// its checks, and so is the word on its certificate.
func onward(s failover.Site) *failover.Onward {
	to := &failover.Onward{Addresses: s.Origin, HTTP: 80, HTTPS: 443}
	for _, check := range slices.Backward(s.Checks) { // the first counts
		switch check.Kind {
		case failover.CheckHTTP:
			to.HTTP = check.Port
		case failover.CheckHTTPS:
			to.HTTPS, to.SkipVerify = check.Port, check.SkipVerify
		}
	}
	return to
}

// atOrigin tells DNS providers that ask for a site's health whether its origin is to serve it.
func (a *app) atOrigin(name string) (at, known bool) {
	state := a.controller.State(name)
	if state == nil || state.Phase == "" {
		return false, false
	}
	return !state.Phase.Serving(), true
}

// push hands the whole table to the fallback, if it does not have it yet: when a thousand sites
// change at once, those that wait here find that another's push held their change too.
func (p *publisher) push() {
	p.pushing.Lock()
	defer p.pushing.Unlock()
	p.mu.Lock()
	changes := p.changes
	notices := make([]failover.Notice, 0, len(p.shown))
	if changes != p.pushed {
		for _, s := range p.shown {
			notices = append(notices, s.notice)
		}
	}
	p.mu.Unlock()
	if changes != p.pushed {
		p.server.Publish(notices)
		p.pushed = changes
	}
}
