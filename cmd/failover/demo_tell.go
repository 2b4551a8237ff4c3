package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// try prints what can be typed in another terminal while the demo runs.
func (d *demo) try() {
	port := d.dns[len("127.0.0.1:"):]
	program := "failover"
	if strings.Contains(os.Args[0], "go-build") { // go run
		program = "go run ./cmd/failover"
	}
	fmt.Fprintf(d.options.Out, `
    Look for yourself, in another terminal:
      dig @127.0.0.1 -p %[1]s %[2]s A
      curl -i --cacert %[3]s/ca.pem --resolve %[2]s:%[4]d:$(dig +short @127.0.0.1 -p %[1]s %[2]s A) https://%[2]s:%[4]d/
      %[5]s status --socket %[3]s/failover.sock

`, port, demoHost, d.dir, d.web, program)
}

// say tells one line, with the time since the demo began.
func (d *demo) say(who, format string, args ...any) {
	fmt.Fprintf(d.options.Out, "%5.1fs  %-10s %s\n", time.Since(d.began).Seconds(), who, fmt.Sprintf(format, args...))
}

// hear tells a journal entry.
func (d *demo) hear(e failover.Entry) { d.say(string(e.State.Phase), "%s", e.Message) }

// until tells what the controller does until an event.
func (d *demo) until(ctx context.Context, event string) error {
	return d.listen(ctx, func(e failover.Entry) bool { return e.Event == event })
}

func (d *demo) untilTarget(ctx context.Context, target failover.Target) error {
	return d.listen(ctx, func(e failover.Entry) bool {
		return e.Event == failover.EventApplied && e.State.Zones[0].Applied == target
	})
}

func (d *demo) listen(ctx context.Context, enough func(failover.Entry) bool) error {
	for {
		select {
		case e := <-d.entries:
			d.hear(e)
			if enough(e) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("the demo did not come to its end: %w", ctx.Err())
		}
	}
}

// stay tells what happens until ctx ends.
func (d *demo) stay(ctx context.Context) {
	for {
		select {
		case e := <-d.entries:
			d.hear(e)
		case <-ctx.Done():
			return
		}
	}
}

// pause gives time to read, while the controller goes on.
func (d *demo) pause(ctx context.Context, long time.Duration) error {
	over := time.After(long)
	for {
		select {
		case e := <-d.entries:
			d.hear(e)
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// visit lets the visitor ask again and again, as a browser with a TTL-honouring resolver would,
// until the wanted status; meanwhile it tells what the controller does.
func (d *demo) visit(ctx context.Context, want int) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		status, line := d.visitor.ask(ctx)
		if line != last {
			d.say("visitor", "%s", line)
			last = line
		}
		if status == want {
			return nil
		}
		for waiting := true; waiting; {
			select {
			case e := <-d.entries:
				d.hear(e)
			case <-tick.C:
				waiting = false
			case <-ctx.Done():
				return fmt.Errorf("the visitor never got status %d: %w", want, ctx.Err())
			}
		}
	}
}
