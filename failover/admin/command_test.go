package admin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/admin"
)

func TestStepsAreReportedAsTheyHappen(t *testing.T) {
	seen := make(chan failover.Entry)
	f := &fake{statuses: sites("www")}
	f.command = func(_ context.Context, site string, c failover.Command, report func(failover.Entry)) error {
		for i, event := range []string{failover.EventCommand, failover.EventPlan, failover.EventApplied} {
			report(failover.Entry{Seq: uint64(i + 1), Site: site, Event: event, By: c.By, Message: c.Reason})
			<-seen // the client has it before the next step begins
		}
		return nil
	}
	client, _, _ := door(t, f)
	var events []string
	err := client.Command(t.Context(), "www", failover.Command{Action: failover.Trigger, Reason: "fire", By: "root, honestly"}, func(e failover.Entry) {
		events = append(events, e.Event)
		if want := fmt.Sprintf("operator uid %d", os.Getuid()); e.By != want || e.Message != "fire" {
			t.Errorf("By %q, want %q; message %q", e.By, want, e.Message)
		}
		seen <- e
	})
	if err != nil || strings.Join(events, " ") != "command plan applied" {
		t.Errorf("%v, %v", events, err)
	}
}

func TestWhatWasBegunAndFailedIsOpen(t *testing.T) {
	f := &fake{statuses: sites("www")}
	f.command = func(_ context.Context, _ string, _ failover.Command, report func(failover.Entry)) error {
		report(failover.Entry{Event: failover.EventCommand})
		return errors.New("not done yet, and tried again: provider away")
	}
	client, _, _ := door(t, f)
	err := client.Command(t.Context(), "www", failover.Command{}, func(failover.Entry) {})
	if !errors.Is(err, admin.ErrUnknownOutcome) || !strings.Contains(err.Error(), "tried again") {
		t.Error(err)
	}
}

func TestImpatientClient(t *testing.T) {
	ended := make(chan error, 1)
	f := &fake{statuses: sites("www")}
	f.command = func(ctx context.Context, _ string, _ failover.Command, report func(failover.Entry)) error {
		report(failover.Entry{Event: failover.EventCommand})
		<-ctx.Done() // the client's going away reaches the controller
		ended <- ctx.Err()
		return ctx.Err()
	}
	client, _, _ := door(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	err := client.Command(ctx, "www", failover.Command{}, func(failover.Entry) { cancel() })
	if !errors.Is(err, admin.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the command's context did not end")
	}
}

func TestStoppingEndsTheWaiting(t *testing.T) {
	f := &fake{statuses: sites("www")}
	f.command = func(ctx context.Context, _ string, _ failover.Command, report func(failover.Entry)) error {
		report(failover.Entry{Event: failover.EventCommand})
		<-ctx.Done()
		return ctx.Err()
	}
	client, _, server := door(t, f)
	stopped := make(chan error, 1)
	err := client.Command(t.Context(), "www", failover.Command{}, func(failover.Entry) {
		go func() { stopped <- server.Stop(context.Background()) }()
	})
	if !errors.Is(err, admin.ErrUnknownOutcome) {
		t.Error(err)
	}
	if err := <-stopped; err != nil {
		t.Error("stop:", err)
	}
}

func TestDefectOfTheControllerIsAnUnknownOutcome(t *testing.T) {
	f := &fake{statuses: sites("www")}
	f.command = func(context.Context, string, failover.Command, func(failover.Entry)) error { panic("defect") }
	client, _, _ := door(t, f)
	if err := client.Command(t.Context(), "www", failover.Command{}, nil); !errors.Is(err, admin.ErrUnknownOutcome) {
		t.Error(err)
	}
	if _, err := client.Status(t.Context()); err != nil {
		t.Error("the door fell:", err)
	}
}

func TestStoppedReaderDoesNotHoldUpTheController(t *testing.T) {
	returned := make(chan struct{})
	f := &fake{statuses: sites("www")}
	f.command = func(_ context.Context, _ string, _ failover.Command, report func(failover.Entry)) error {
		defer close(returned)
		for range 5000 { // far more than socket buffers hold
			report(failover.Entry{Event: failover.EventFailed, Message: strings.Repeat("x", 1000)})
		}
		return nil
	}
	_, socket, _ := door(t, f)
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // lets the server's writer end
	io.WriteString(c, "POST /v1/sites/www/command HTTP/1.1\r\nHost: f\r\nContent-Length: 2\r\n\r\n{}")
	<-returned
}
