package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover/admin"
)

// watch shows the status every second until ctx ends. A controller that goes away may come back.
func (p *program) watch(ctx context.Context, client *admin.Client, names []string) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for first := true; ; first = false {
		statuses, err := someSites(ctx, client, names)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && (first || !errors.Is(err, admin.ErrUnreachable)) {
			return err
		}
		var frame bytes.Buffer // written at once, so that nothing flickers
		if isTerminal(p.out) {
			frame.WriteString("\x1b[H\x1b[J") // cursor home, clear to the end
		}
		fmt.Fprintf(&frame, "%s\n", time.Now().Format(time.DateTime))
		if err != nil {
			say(&frame, "error", err.Error())
		} else {
			writeStatus(&frame, statuses, time.Now(), p.colours())
		}
		if _, err := p.out.Write(frame.Bytes()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
