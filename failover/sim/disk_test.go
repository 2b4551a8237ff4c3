package sim

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/failover-dns/failover/failover"
)

var (
	errDead    = errors.New("this process is dead")
	errNoSpace = errors.New("no space left on device")
	errDisk    = errors.New("input/output error")
)

// disk holds the durable image of the journal, which every process in turn reads and appends to.
type disk struct {
	mu      sync.Mutex
	durable map[string][]failover.Entry
	fault   error
	ghost   map[string]failover.Entry // an append that failed, and yet may be found after a crash
	history *History
}

func newDisk(h *History) *disk {
	return &disk{durable: map[string][]failover.Entry{}, ghost: map[string]failover.Entry{}, history: h}
}

func (d *disk) setFault(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

// crash decides what the sectors of a failed append hold after the process is gone.
func (d *disk) crash(surfaces bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for site, e := range d.ghost {
		if surfaces && e.Seq == uint64(len(d.durable[site]))+1 {
			d.store(e)
		}
	}
	clear(d.ghost)
}

// store makes an entry durable; d.mu is held.
func (d *disk) store(e failover.Entry) {
	d.durable[e.Site] = append(d.durable[e.Site], e)
	d.history.add(Fact{What: factEntry, Site: e.Site, Entry: e})
}

// journal is the disk as one process sees it.
type journal struct {
	*disk
	life *life
}

func (j journal) Append(e failover.Entry) error {
	if err := j.life.point("append.before " + e.Event); err != nil {
		return err
	}
	if err := j.write(e); err != nil {
		return err
	}
	return j.life.point("append.after " + e.Event)
}

func (j journal) write(e failover.Entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var stored failover.Entry
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Seq != uint64(len(j.durable[e.Site]))+1 {
		return failover.ErrConflict
	}
	if j.fault != nil {
		if errors.Is(j.fault, errDisk) {
			j.ghost[e.Site] = stored
		}
		return j.fault
	}
	clear(j.ghost) // a later commit overwrites what the failed one left
	j.store(stored)
	return nil
}

func (j journal) Last(site string) (failover.Entry, error) {
	if j.life.dead.Load() {
		return failover.Entry{}, errDead
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.durable[site]
	if len(list) == 0 {
		return failover.Entry{}, failover.ErrNoEntry
	}
	return list[len(list)-1], nil
}

func (j journal) Tail(site string, n int) ([]failover.Entry, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.durable[site]
	return slices.Clone(list[max(0, len(list)-n):]), nil
}

func (j journal) Sites() ([]string, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var sites []string
	for site := range j.durable {
		sites = append(sites, site)
	}
	slices.Sort(sites)
	return sites, nil
}
