package sim

import (
	"testing"
)

// TestOldSeeds plays the schedules that found defects, each by its name, as they were drawn then.
func TestOldSeeds(t *testing.T) {
	for _, old := range []struct {
		name    string
		seed    uint64
		version int
	}{
		{"half of a lowering became the baseline", 47, plain},
		{"a change that was half done needed a human", 57, plain},
		{"a late write met a fallback without a page", 257, plain},
		{"a try for another wish ended the provider's Retry-After", 1584, plain},
		{"a stale look hid half of a lowering, which became baseline", 2215, plain},
		{"a plan from a stale look needed a human", 5448, plain},
	} {
		t.Run(old.name, func(t *testing.T) { simulate(t, old.seed, old.version) })
	}
}
