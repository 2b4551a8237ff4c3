package controller

import (
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// A reload that leaves the hosts alone does not forget that our own server was seen to serve them.
func TestReloadKeepsWhatWasSeenOfOurOwnServer(t *testing.T) {
	play(t, func(w *world) {
		w.start()
		w.after(5 * time.Second)
		changed := w.site
		changed.Policy.UpAfter += time.Second
		w.c.Set([]failover.Site{changed}, backup)
		list, err := w.c.Status(w.t.Context())
		if err != nil || !list[0].Verdict.FallbackReady {
			w.t.Errorf("right after a reload: %+v, %v", list[0].Verdict, err)
		}
		moved := changed
		moved.Hosts = []failover.Host{{Name: "new.example.org.", Zone: "example.org.", Provider: "main"}}
		w.c.Set([]failover.Site{moved}, backup)
		if list, err = w.c.Status(w.t.Context()); err != nil || list[0].Verdict.FallbackReady {
			w.t.Errorf("ready for a host that nobody looked at: %+v, %v", list[0].Verdict, err)
		}
	})
}

func TestReferencesThatAreStillAskedAreKept(t *testing.T) {
	c := New(Options{})
	for _, address := range []string{"192.0.2.1:443", "192.0.2.2:443"} {
		c.Observe(failover.Observation{Role: failover.RoleReference, Check: "tcp", Address: address, At: time.Now(), Health: failover.Down})
	}
	c.KeepReferences([]string{"192.0.2.2:443", "192.0.2.3:443"})
	if seen := c.seen(); len(seen) != 1 || seen[0].Address != "192.0.2.2:443" || len(c.lost) != 1 {
		t.Errorf("kept: %v, lost: %v", seen, c.lost)
	}
}
