//go:debug randseednop=0

package sim

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
)

// TestMain runs everything on one processor, so that goroutines take their turns in the same order
// each time a seed is played. The garbage of a schedule is small, and collected seldom.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
