package controller

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/failover-dns/failover/failover"
)

func TestMassFailureNeedsClearReferences(t *testing.T) {
	tests := []struct {
		sites, failing int
		clear          bool
		doubted        bool
	}{
		{sites: 1, failing: 1, clear: false, doubted: false},  // one site is no herd
		{sites: 10, failing: 5, clear: false, doubted: false}, // not more than half
		{sites: 10, failing: 6, clear: false, doubted: true},  // hold
		{sites: 10, failing: 6, clear: true, doubted: false},  // switch them
		{sites: 10, failing: 10, clear: true, doubted: false}, // the day it exists for
		{sites: 10, failing: 10, clear: false, doubted: true},
		{sites: 2, failing: 2, clear: false, doubted: false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d of %d, clear %v", tt.failing, tt.sites, tt.clear), func(t *testing.T) {
			c := New(Options{})
			for i := range tt.sites {
				name := fmt.Sprint(i)
				c.runners[name] = newRunner(c, failover.Site{Name: name}, backup)
			}
			for i := range tt.failing - 1 {
				c.fails(fmt.Sprint(i), true)
			}
			see(c, "a", failover.Up)
			see(c, "b", map[bool]failover.Health{true: failover.Up, false: failover.Down}[tt.clear])
			v := c.doubt(fmt.Sprint(tt.failing-1), failover.Verdict{Health: failover.Down})
			if got := v.Doubt != ""; got != tt.doubted {
				t.Errorf("doubt %q, want doubted = %v", v.Doubt, tt.doubted)
			}
		})
	}
}

func see(c *Controller, reference string, health failover.Health) {
	c.Observe(failover.Observation{Role: failover.RoleReference, Check: reference, Address: reference, At: time.Now(), Health: health})
}

func TestAReferenceThatIsLongDeadSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(Options{})
		see(c, "a", failover.Up)
		see(c, "b", failover.Down)
		if c.clearlySees() {
			t.Error("a reference failed a moment ago, and all is clear")
		}
		time.Sleep(longDead)
		see(c, "b", failover.Down)
		if !c.clearlySees() {
			t.Error("a reference that died long ago keeps everything in doubt")
		}
		c.Observe(failover.Observation{Role: failover.RoleReference, Check: "six", Address: "[2001:db8::1]:443", At: time.Now(), Health: failover.Down})
		time.Sleep(longDead) // no reference at IPv6 ever answered: this machine has none
		see(c, "a", failover.Up)
		see(c, "b", failover.Down)
		c.checkReferences()
		if alarms := c.Alarms(); len(alarms) != 1 || alarms[0].Name != AlarmReference || strings.Contains(alarms[0].Message, "six") {
			t.Errorf("alarms: %v", alarms)
		}
		see(c, "a", failover.Down)
		if c.clearlySees() {
			t.Error("nothing answers, and all is clear")
		}
	})
}

func TestSitesThatRecoverLeaveTheHerd(t *testing.T) {
	c := New(Options{})
	for i := range 4 {
		name := fmt.Sprint(i)
		c.runners[name] = newRunner(c, failover.Site{Name: name}, backup)
		c.fails(name, true)
	}
	if c.mass() == "" {
		t.Fatal("4 of 4 is no mass failure")
	}
	c.fails("0", false)
	c.fails("1", false)
	if mass := c.mass(); mass != "" {
		t.Errorf("still a mass failure: %s", mass)
	}
}

func TestLeapt(t *testing.T) {
	tests := []struct {
		name            string
		wall, monotonic time.Duration
		leapt           bool
	}{
		{"an ordinary tick", time.Second, time.Second, false},
		{"a slow tick", 3 * time.Second, 3 * time.Second, false},
		{"stopped for a minute", time.Minute, time.Minute, true},
		{"slept for an hour", time.Hour, time.Second, true},
		{"clock set a day ahead", 24 * time.Hour, time.Second, true},
		{"clock set a year back", -365 * 24 * time.Hour, time.Second, true},
		{"clock slewed a little", 1200 * time.Millisecond, time.Second, false},
	}
	for _, tt := range tests {
		if why := leapt(tt.wall, tt.monotonic); (why != "") != tt.leapt {
			t.Errorf("%s: %q, want leapt = %v", tt.name, why, tt.leapt)
		}
	}
}

func TestAfterALeapTheRunStartsAnew(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		w.set(&w.origin, failover.Down)
		w.after(2500 * time.Millisecond)
		w.wantPhase(failover.Suspect)
		w.c.forget()
		w.after(2 * time.Second) // four and a half seconds of failure, but not in one run
		w.wantPhase(failover.Suspect)
		w.after(3 * time.Second)
		w.wantPhase(failover.InFallback)
	})
}
