package sim

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/failover-dns/failover/failover"
)

var (
	errDead    = errors.New("this process is dead")
	errNoSpace = errors.New("no space left on device")
	errDisk    = errors.New("input/output error")
)

// store is the durable journal of a machine, which its processes open in turn.
type store interface {
	journal(l *life) failover.Journal
	setFault(err error)
	crash(surfaces bool) // the process is gone
	close()
}

// disk is a model of a disk, which can fail in the middle.
type disk struct {
	who     string
	history *History

	mu      sync.Mutex
	durable map[string][]failover.Entry
	fault   error
	ghost   map[string]stored // an append that failed, and yet may be found after a crash
}

// stored is an entry as it lies on the disk.
type stored struct {
	entry failover.Entry
	text  []byte
}

func newDisk(h *History, who string) *disk {
	return &disk{who: who, history: h, durable: map[string][]failover.Entry{}, ghost: map[string]stored{}}
}

func (d *disk) journal(l *life) failover.Journal { return journal{d, l} }

func (d *disk) close() {}

func (d *disk) setFault(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = err
}

// crash decides what the sectors of a failed append hold after the process is gone.
func (d *disk) crash(surfaces bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for site, s := range d.ghost {
		if surfaces && s.entry.Seq == uint64(len(d.durable[site]))+1 {
			d.store(s)
		}
	}
	clear(d.ghost)
}

// store makes an entry durable; d.mu is held.
func (d *disk) store(s stored) {
	d.durable[s.entry.Site] = append(d.durable[s.entry.Site], s.entry)
	d.history.add(Fact{What: factEntry, Who: d.who, Site: s.entry.Site, Entry: s.entry, Text: s.text})
}

// written returns an entry as it will be read.
func written(e failover.Entry) (s stored, err error) {
	if s.text, err = json.Marshal(e); err != nil {
		return s, err
	}
	return s, json.Unmarshal(s.text, &s.entry)
}

// journal is the disk as one process sees it.
type journal struct {
	*disk
	life *life
}

// step names a step of the journal. What an operator asked for has a name of its own.
func step(when string, e failover.Entry) string {
	what := e.Event
	if what == failover.EventCommand {
		what, _, _ = strings.Cut(e.Message, " ")
		what = "word " + strings.TrimSuffix(what, ":")
	}
	return "append." + when + " " + what
}

func (j journal) Append(e failover.Entry) error {
	if err := j.life.point(step("before", e)); err != nil {
		return err
	}
	if err := j.write(e); err != nil {
		return err
	}
	return j.life.point(step("after", e))
}

func (j journal) write(e failover.Entry) error {
	s, err := written(e)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.Seq != uint64(len(j.durable[e.Site]))+1 {
		return failover.ErrConflict
	}
	if j.fault != nil {
		if errors.Is(j.fault, errDisk) {
			j.ghost[e.Site] = s
		}
		return j.fault
	}
	clear(j.ghost) // a later commit overwrites what the failed one left
	j.store(s)
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
