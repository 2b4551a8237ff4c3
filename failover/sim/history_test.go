package sim

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/failover-dns/failover/failover"
	"github.com/failover-dns/failover/failover/controller"
)

// Kinds of fact.
const (
	factEntry   = "entry"   // an entry is durable
	factVersion = "version" // a zone has a new version
	factCall    = "call"    // a call of the provider's API began
	factAnswer  = "answer"  // it was answered; Kind says how
	factOrigin  = "origin"  // Note: up, down or a frequency
	factSees    = "sees"    // OK: our own network and the references are well
	factReady   = "ready"   // our own server is ready for Host
	factPublish = "publish" // OK: the fallback serves the site's page
	factWord    = "word"    // an operator's command reached the controller
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
	Site string
	Note string

	Entry failover.Entry // factEntry

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

	Host  string
	OK    bool
	Final *Final
}

// Final is a site at a time when everything should have come to rest.
type Final struct {
	Status   failover.SiteStatus
	Alarms   []controller.Alarm
	OriginUp bool
	Ready    bool
	Settled  bool // people have answered everything that waited for them
}

// History is what a run leaves behind, in order.
type History struct {
	mu       sync.Mutex
	Sites    []failover.Site
	Fallback failover.Fallback
	Seed     map[failover.ZoneRef][]failover.RecordSet
	Facts    []Fact
}

func (h *History) add(f Fact) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.At = time.Now()
	h.Facts = append(h.Facts, f)
}

// story renders the record for people.
func (h *History) story() string {
	var b strings.Builder
	start := time.Time{}
	for _, f := range h.Facts {
		if start.IsZero() {
			start = f.At
		}
		text := f.text()
		if text != "" {
			fmt.Fprintf(&b, "%10.3f %-8s %s\n", f.At.Sub(start).Seconds(), f.What, text)
		}
	}
	return b.String()
}

func (f Fact) text() string {
	switch f.What {
	case factEntry:
		return fmt.Sprintf("%s %d %s %s: %s", f.Site, f.Entry.Seq, f.Entry.Event, f.Entry.State.Phase, f.Entry.Message)
	case factVersion:
		text := f.Zone.Zone + " by " + f.Author
		if f.Plan != nil {
			text += fmt.Sprintf(" %s plan %d called %s blind=%v late=%v", f.Plan.Site, f.Plan.Generation, f.Called.Format("05.000"), f.Blind, f.Late)
		}
		for _, s := range f.Sets {
			if failover.Managed(s.Type) {
				text += "\n" + strings.Repeat(" ", 22) + s.String()
			}
		}
		return text
	case factCall:
		return ""
	case factAnswer:
		if f.Kind == "" {
			return ""
		}
		return fmt.Sprintf("%s %s %s: %s %v", f.Site, f.Op, f.Zone.Zone, f.Kind, f.RetryAfter)
	case factFinal:
		return fmt.Sprintf("%s %s trouble=%q originUp=%v alarms=%v", f.Final.Status.Site, f.Final.Status.State.Phase, f.Final.Status.Trouble, f.Final.OriginUp, f.Final.Alarms)
	default:
		return fmt.Sprintf("%s%s %v %s", f.Site, f.Host, f.OK, f.Note)
	}
}
