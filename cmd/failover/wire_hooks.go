package main

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/failover-dns/failover/config"
	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
	"github.com/failover-dns/failover/failover/webhook"
)

// farewell is how long the hooks may go on delivering when the program ends.
const farewell = 3 * time.Second

// hooks are the configured webhooks. A reload replaces those that changed.
type hooks struct {
	log *slog.Logger

	mu      sync.Mutex
	running map[string]*runningHook
	wg      sync.WaitGroup
}

type runningHook struct {
	options config.Webhook
	hook    *webhook.Hook
	cancel  context.CancelFunc
}

// set makes exactly these the hooks. What a hook that stays has queued is delivered.
func (h *hooks) set(wanted []config.Webhook) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := make(map[string]*runningHook, len(wanted))
	var errs []error
	for _, w := range wanted {
		if old := h.running[w.Name]; old != nil && reflect.DeepEqual(old.options, w) {
			next[w.Name] = old
			continue
		}
		hook, err := webhook.New(webhook.Options{Name: w.Name, URL: w.URL, Secret: w.Secret.Reveal(), Log: h.log})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		next[w.Name] = &runningHook{w, hook, cancel}
		h.wg.Go(func() { hook.Run(ctx) })
	}
	for name, old := range h.running {
		if next[name] != old {
			old.cancel()
		}
	}
	h.running = next
	return errors.Join(errs...)
}

// stop lets the hooks deliver what is queued, for a moment, and ends them.
func (h *hooks) stop() {
	deadline := time.After(farewell)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for waiting := true; waiting && h.queued() > 0; {
		select {
		case <-deadline:
			waiting = false
		case <-tick.C:
		}
	}
	h.mu.Lock()
	for _, r := range h.running {
		r.cancel()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

func (h *hooks) queued() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, r := range h.running {
		n += r.hook.Stats().Queued
	}
	return n
}

func (h *hooks) send(e webhook.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.running {
		r.hook.Send(e)
	}
}

// entry tells a journal entry.
func (h *hooks) entry(e failover.Entry) { h.send(webhook.FromEntry(e)) }

// alarm tells that something needs a human, or no longer does.
func (h *hooks) alarm(a controller.Alarm) {
	e := webhook.Event{Time: time.Now(), Kind: webhook.KindAlarmCleared, Site: a.Site, Alarm: a.Name, Message: a.Message, By: "controller"}
	if a.Active {
		e.Kind = webhook.KindAlarm
	}
	h.send(e)
}
