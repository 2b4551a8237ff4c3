package sim

import (
	"slices"
	"strings"
	"testing"
)

// TestReplay plays seeds twice: it must be the same story, or a seed would be worth nothing. What
// happens at the same instant may change places.
func TestReplay(t *testing.T) {
	for seed := uint64(1); seed <= 6; seed++ {
		var stories [2][]string
		for i := range stories {
			s := draw(seed, rich)
			stories[i] = strings.Split(play(t, s, s.run).story(), "\n")
			slices.Sort(stories[i])
		}
		a, b := stories[0], stories[1]
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Errorf("seed %d: line %d differs:\n%s\n%s", seed, i, a[i], b[i])
				break
			}
		}
	}
}
