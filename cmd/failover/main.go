// Command failover watches sites, answers for them when their origin is dead, and puts everything
// back when it lives again. Run `failover help` for its commands.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args, os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program as a value: it returns the exit code. The first interrupt asks to end
// in good order, the second one ends at once.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	p := &program{in: stdin, out: stdout, err: stderr, getenv: os.Getenv}
	root := newRoot(p)
	root.SetArgs(args[1:])
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		return p.complain(err)
	}
	return codeDone
}
