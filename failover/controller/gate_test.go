package controller

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

func TestGateLetsInByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for _, priority := range []int{1, 5, 3, 5, -2} {
			wg.Go(func() {
				if err := g.enter(t.Context(), priority); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, priority)
				mu.Unlock()
				g.leave()
			})
			synctest.Wait()
		}
		g.leave()
		wg.Wait()
		if want := []int{5, 5, 3, 1, -2}; !slices.Equal(order, want) {
			t.Errorf("let in %v, want %v", order, want)
		}
	})
}

func TestGateForgetsWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() { gaveUp <- g.enter(ctx, 9) }()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; err == nil {
			t.Fatal("entered after giving up")
		}
		g.leave()
		if err := g.enter(t.Context(), 0); err != nil { // would hang if the place were lost
			t.Fatal(err)
		}
	})
}
