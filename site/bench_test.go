package site

import (
	"fmt"
	"testing"
	"time"

	"github.com/failover-dns/failover/failover"
)

// BenchmarkStart renders 1,000 sites that share one page, as a controller does when it starts:
// in ordinary times none is served, after a disaster all are.
func BenchmarkStart(b *testing.B) {
	for _, serving := range []bool{false, true} {
		b.Run(fmt.Sprintf("serving=%t", serving), func(b *testing.B) {
			for b.Loop() {
				store := NewStore(nil)
				for i := range 1000 {
					renderNth(b, store, i, serving)
				}
			}
		})
	}
}

// BenchmarkAgain renders 1,000 served sites when nothing has changed.
func BenchmarkAgain(b *testing.B) {
	store := NewStore(nil)
	for b.Loop() {
		for i := range 1000 {
			renderNth(b, store, i, true)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	store := NewStore(nil)
	for b.Loop() {
		store.Reload("testdata/full")
	}
}

func renderNth(b *testing.B, store *Store, i int, serving bool) {
	source, err := store.Get("")
	if err != nil {
		b.Fatal(err)
	}
	name := fmt.Sprintf("site%04d", i)
	_, err = source.Render(RenderInput{
		Site:    failover.Site{Name: name, Hosts: []failover.Host{{Name: name + ".example.org."}}},
		Serving: serving, Since: time.Unix(1.8e9, 0), Now: time.Unix(1.8e9, 0),
	})
	if err != nil {
		b.Fatal(err)
	}
}
