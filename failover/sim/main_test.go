//go:debug randseednop=0

package sim

import (
	"os"
	"runtime"
	"testing"
)

// TestMain runs everything on one processor, so that goroutines take their turns in the same order
// each time a seed is played.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}
