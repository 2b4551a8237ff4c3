package sim

import (
	"fmt"
	"testing"
)

// TestOldSeeds plays the schedules that found defects, each by its name, as they were drawn then. What
// the product does may be timed otherwise now, so that a schedule may pass by what it once met.
func TestOldSeeds(t *testing.T) {
	for _, old := range []struct {
		name    string
		version int
		seeds   []uint64
	}{
		{"half of a lowering became the baseline", plain, []uint64{47}},
		{"a change that was half done needed a human", plain, []uint64{57}},
		{"a late write met a fallback without a page", plain, []uint64{257}},
		{"a try for another wish ended the provider's Retry-After", plain, []uint64{1584}},
		{"a stale look hid half of a lowering, which became baseline", plain, []uint64{2215}},
		{"a plan from a stale look needed a human", plain, []uint64{5448}},
		{"a human's deletion was taken for half of a plan, and undone", plain, []uint64{98}},
		{"another armed TTL made our low TTL the original", rich, []uint64{1541, 3125, 3179, 7059}},
		{"a stale look was taken for a late write, which kept the switch away", rich, []uint64{1267, 8154}},
		{"a second controller led back to an origin that it saw failing", rich, []uint64{7069, 7152, 7183, 7394}},
		{"the address that the fallback had before became the original", rich, []uint64{3485}},
		{"stale looks hid a set that we had deleted ourselves", rich, []uint64{3204}},
		{"the page went when somebody else had led the way back", rich, []uint64{5718, 5642, 8518}},
		{"adopt dropped a plan without an outcome", rich, []uint64{8191}},
		{"a mixture of fallback and origin stayed", rich, []uint64{7530}},
		{"an echo of our own steps was believed", rich, []uint64{11031}},
		{"a lowering that came late became the original", rich, []uint64{33875, 33923, 44592}},
		{"the page went while half of a name pointed at us", rich, []uint64{42034}},
		{"a host that was added made our low TTL the original", rich, []uint64{42384}},
	} {
		t.Run(old.name, func(t *testing.T) {
			for _, seed := range old.seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, seed, old.version) })
			}
		})
	}
}
