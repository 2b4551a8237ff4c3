package controller

import (
	"container/heap"
	"context"
	"sync"
)

// gate lets a bounded number of switches happen at the same time. Those that wait are let in by
// priority, the higher first, then in order of arrival: on the day when everything fails, what
// matters most is not at the end of a provider's rate budget.
type gate struct {
	mu      sync.Mutex
	free    int
	arrived uint64
	waiting waiters
}

func newGate(width int) *gate { return &gate{free: width} }

// gate returns the gate of a provider: one that hangs does not hold up another's sites.
func (c *Controller) gate(provider string) *gate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gates[provider] == nil {
		c.gates[provider] = newGate(c.opts.Switches)
	}
	return c.gates[provider]
}

// enter waits for its turn. The caller calls leave once after a nil error.
func (g *gate) enter(ctx context.Context, priority int) error {
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	w := &waiter{priority: priority, number: g.arrived, turn: make(chan struct{})}
	g.arrived++
	heap.Push(&g.waiting, w)
	g.mu.Unlock()
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.index < 0 { // its turn came at the same time
		g.pass()
	} else {
		heap.Remove(&g.waiting, w.index)
	}
	return ctx.Err()
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pass()
}

// pass gives a place to the next who waits; g.mu is held.
func (g *gate) pass() {
	if len(g.waiting) == 0 {
		g.free++
		return
	}
	close(heap.Pop(&g.waiting).(*waiter).turn)
}

type waiter struct {
	priority int
	number   uint64
	index    int // in the heap; -1 outside
	turn     chan struct{}
}

// waiters is a heap.Interface.
type waiters []*waiter

func (w waiters) Len() int { return len(w) }
func (w waiters) Less(i, j int) bool {
	if w[i].priority != w[j].priority {
		return w[i].priority > w[j].priority
	}
	return w[i].number < w[j].number
}
func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}
func (w *waiters) Push(x any) {
	x.(*waiter).index = len(*w)
	*w = append(*w, x.(*waiter))
}
func (w *waiters) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	*w = (*w)[:last]
	x.index = -1
	return x
}
