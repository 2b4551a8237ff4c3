package probe

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the program of the servers that benchmarks look at: they run in a process of
// their own, so that their CPU and memory are not counted.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == serveArgument {
		serveForBenchmarks()
		return
	}
	goleak.VerifyTestMain(m)
}
