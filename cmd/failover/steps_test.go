package main

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a script.
const patience = 20 * time.Second

// code: `code N COMMAND...`: runs the command, which must end with exit code N.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N COMMAND...")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s; it said:\n%s%s", got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// asked: `[!] asked PATTERN`: an order that the controller got matches, as "ACTION SITE BY REASON".
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: asked PATTERN")
	}
	got := strings.Join(ts.Value(fakeKey{}).(*fakeController).orders(), "\n")
	if regexp.MustCompile("(?m)"+args[0]).MatchString(got) == neg {
		ts.Fatalf("asked %q, negated %v; the controller got:\n%s", args[0], neg, got)
	}
}

// waitFor: `waitfor FILE PATTERN`: waits until a line of the file matches.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: waitfor FILE PATTERN")
	}
	pattern := regexp.MustCompile("(?m)" + args[1])
	var text []byte
	poll(ts, func() bool {
		text, _ = os.ReadFile(ts.MkAbs(args[0]))
		return pattern.Match(text)
	}, func() string { return "waited for " + args[1] + " in:\n" + string(text) })
}

// listening: `listening ADDR`: waits until somebody takes connections there.
func listening(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: listening ADDR")
	}
	var err error
	poll(ts, func() bool {
		var c io.Closer
		if c, err = net.Dial("tcp", args[0]); err == nil {
			c.Close()
		}
		return err == nil
	}, func() string { return err.Error() })
}

func poll(ts *testscript.TestScript, done func() bool, why func() string) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(end) {
			ts.Fatalf("%s", why())
		}
	}
}
