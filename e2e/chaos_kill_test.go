package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/failover-dns/failover/e2e/lab"
)

// soak is how many kills are wanted, from FAILOVER_SOAK; in CI it is not set.
func soak(t *testing.T, without int) int {
	t.Helper()
	text := os.Getenv("FAILOVER_SOAK")
	if text == "" {
		return without
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("FAILOVER_SOAK is %q, not a number of kills", text)
	}
	return n
}

// seed is what a random test draws from; FAILOVER_SEED repeats a run.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := rand.Uint64()
	if text := os.Getenv("FAILOVER_SEED"); text != "" {
		var err error
		if s, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("FAILOVER_SEED: %v", err)
		}
	}
	return s
}

// The controller is killed at random moments and started again at once, while the origin dies and
// returns; in the end nothing of the zone is lost.
func TestKill9(t *testing.T) {
	t.Parallel()
	worlds := []string{"bind", "cloudflare", "bind", "cloudflare"}
	kills, from := soak(t, 320), seed(t)
	t.Logf("%d kills; to repeat: FAILOVER_SEED=%d", kills, from)
	var done sync.WaitGroup
	for i, provider := range worlds {
		done.Go(func() {
			t.Run(fmt.Sprint(provider, i), func(t *testing.T) {
				killer{t: t, rng: rand.New(rand.NewPCG(from, uint64(i)))}.run(provider, (kills+len(worlds)-1)/len(worlds))
			})
		})
	}
	done.Wait()
}

type killer struct {
	t    *testing.T
	rng  *rand.Rand
	c    *cell
	dead int // how often the origin died
}

func (k killer) run(provider string, kills int) {
	t := k.t
	l := quick()
	l.interval, l.timeout, l.down, l.up, l.dwell, l.quiet = "500ms", "500ms", "1s", "1s", "0s", "1s"
	l.site = "max_failovers = 0"
	k.c = newCell(t, provider, l)
	k.c.begin(t)
	visits := k.c.visitAlways()
	turn := time.Now()
	for range kills {
		if time.Now().After(turn) {
			turn = time.Now().Add(k.between(2*time.Second, 9*time.Second))
			k.toggle()
		}
		k.wait()
		k.c.m.kill()
		k.c.m.start()
	}
	k.c.origin.set(well)
	// Computed: the program's start, a look, up_after, the change, quiet, the change; each step has a
	// second or two, and a machine that does much else has three times that.
	took := k.c.awaitBaseline(t, 3*(2*time.Second+time.Second+time.Second+2*time.Second+time.Second+2*time.Second))
	k.c.awaitRest(t)
	k.c.verify(t)
	if provider == "cloudflare" {
		k.c.checkJournaled(t)
	}
	polls, switches := k.c.eyes.count(), k.c.eyes.switches(k.c.hosts()[0])
	if switches < 2 {
		t.Errorf("%d switches in the whole run: the kills left no time for any", switches)
	}
	k.c.checkJournalIntact(t)
	t.Logf("%d kills, %d switches, %d polls, %d pages; healed in %v", kills, switches, polls, visits.pages.Load(), took.Round(time.Millisecond))
}

func (k *killer) toggle() {
	if k.c.origin.mode.Load() == well {
		k.dead++
		k.c.origin.set([]string{refusing, hung, failing}[k.rng.IntN(3)])
	} else {
		k.c.origin.set(well)
	}
}

func (k *killer) between(least, most time.Duration) time.Duration {
	return least + time.Duration(k.rng.Int64N(int64(most-least)))
}

// wait waits for the moment of the next kill: mostly a random one, often the moment after a step
// that the journal tells of, sometimes long enough for a whole switch.
func (k *killer) wait() {
	word := []string{"event=plan", "event=applied", "event=phase", "event=unknown"}[k.rng.IntN(4)]
	pause := k.between(100*time.Millisecond, 600*time.Millisecond)
	switch n := k.rng.IntN(10); {
	case n < 3:
		select {
		case <-k.c.m.said.next(word):
		case <-time.After(4 * time.Second):
		}
		pause = k.between(0, 15*time.Millisecond)
	case n < 4:
		pause = k.between(2*time.Second, 4*time.Second)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	<-timer.C
}

// visits counts what a client of the fallback got.
type visits struct{ pages, handedOn atomic.Int64 }

// visitAlways asks the fallback throughout. While the name points there and the process is up, the
// answer is the page; a connection may fail only around a kill.
func (c *cell) visitAlways() *visits {
	v := &visits{}
	c.Go(func(ctx context.Context) {
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for ; ctx.Err() == nil; <-ticker.C {
			if c.atFallback() {
				c.visitOnce(v)
			}
		}
	})
	return v
}

// upWithin is how long after its start the program must answer, on a machine that does much else.
const upWithin = 5 * time.Second

func (c *cell) visitOnce(v *visits) {
	run := c.m.run()
	got := c.visitor().Get(c.hosts()[0])
	switch {
	case got.Status == 503 && strings.Contains(got.Body, "</html>"):
		v.pages.Add(1)
	case got.Status == 200 && got.Body == lab.OriginText:
		v.handedOn.Add(1) // on the way back a visitor is handed on to the origin
	case got.Err == nil: // else the connection ended, perhaps in the middle of the page
		c.doubts.add("a visitor of the fallback got %d: %.100q", got.Status, got.Body)
	case c.m.run() == run && c.m.running() && c.m.age() > upWithin+5*time.Second && c.atFallback():
		c.doubts.add("the program has been up for %v, and a visitor got %v", c.m.age().Round(time.Millisecond), got.Err)
	}
}

// checkJournalIntact starts the program once more upon what the last kill left.
func (c *cell) checkJournalIntact(t *testing.T) {
	t.Helper()
	if c.m.said.has("journal cannot be used") || c.m.said.has("journal is damaged") {
		t.Error("the program found its journal damaged after a kill")
	}
	c.m.kill()
	said := c.exported(t)
	if !strings.Contains(said, c.origins()[0]) {
		t.Error("the journal that the last kill left does not hold the origin's records")
	}
}
