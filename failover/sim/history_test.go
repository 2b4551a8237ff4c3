package sim

import (
	"bytes"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
)

// Kinds of fact.
const (
	factEntry   = "entry"   // an entry is durable
	factVersion = "version" // a zone has a new version
	factCall    = "call"    // a call of the provider's API arrived there
	factAnswer  = "answer"  // it was answered; Kind says how
	factOrigin  = "origin"  // Note: up, down or a frequency
	factSees    = "sees"    // OK: our own network and the references are well
	factReady   = "ready"   // our own server is ready for Host
	factPublish = "publish" // OK: the fallback serves the site's page
	factWord    = "word"    // an operator's command reached the controller
	factReload  = "reload"  // the controller got another configuration
	factAlarm   = "alarm"   // an alarm is told; OK: that it is over
	factBorn    = "born"    // a process starts
	factDied    = "died"    // it was killed or stopped
	factFinal   = "final"   // everything should have come to rest; Final says how
	factFault   = "fault"   // a fault begins or ends, for the story alone
)

// Authors of a version.
const (
	us        = "us"
	human     = "human"
	terraform = "terraform"
)

// Fact is one thing that happened, as nobody inside could dispute it.
type Fact struct {
	At   time.Time
	What string
	Who  string // the machine; empty for the first, or for the world
	Site string
	Note string

	Entry failover.Entry // factEntry
	Text  []byte         // factEntry: as it is stored

	Zone   failover.ZoneRef     // factVersion, factCall, factAnswer
	Author string               // factVersion
	Plan   *failover.Plan       // factVersion by us
	Called time.Time            // factVersion by us: when the call began
	Blind  bool                 // factVersion by us: the provider's own look before the write was stale
	Late   bool                 // factVersion by us: it came to be after the caller had given up
	Sets   []failover.RecordSet // factVersion: the whole zone

	Op         string // factCall, factAnswer: read or replace
	Kind       failover.ErrorKind
	RetryAfter time.Duration

	Sites    []failover.Site   // factReload
	Fallback failover.Fallback // factReload

	Host  string
	OK    bool
	Flaps bool // factOrigin
	Final *Final
}

// Final is a site at a time when everything should have come to rest.
type Final struct {
	Status   failover.SiteStatus
	Alarms   []controller.Alarm
	OriginUp bool
	Settled  bool // people have answered everything that waited for them
}

// History is what a run leaves behind, in order.
type History struct {
	mu       sync.Mutex
	Machines []string
	Sites    []failover.Site // at first
	Fallback failover.Fallback
	Seed     map[failover.ZoneRef][]failover.RecordSet
	Secrets  []string // what may come up nowhere
	Facts    []Fact

	log logs // all that was logged
}

func (h *History) add(f Fact) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.At = time.Now()
	h.Facts = append(h.Facts, f)
}

// logs keeps what is written to it.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}
