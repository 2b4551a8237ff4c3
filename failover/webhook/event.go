package webhook

import (
	"fmt"
	"time"

	"github.com/failover-dns/failover/failover"
)

// Version is the version of the document that is sent. It grows when the meaning of a field changes
// or a field goes; new fields may come at any time.
const Version = 1

// Kinds of event beside the journal's, which are the Event constants of package failover.
const (
	KindAlarm        = "alarm"         // something needs a human
	KindAlarmCleared = "alarm-cleared" // it does not any more
)

// Event is the document that is sent.
type Event struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`   // the same in every attempt; receivers drop what they have seen
	Time    time.Time `json:"time"` // RFC 3339, UTC
	Kind    string    `json:"kind"`
	Site    string    `json:"site,omitempty"` // empty: the controller itself
	Phase   string    `json:"phase,omitempty"`
	Cause   string    `json:"cause,omitempty"`
	Alarm   string    `json:"alarm,omitempty"` // the alarm's name
	Message string    `json:"message"`         // one sentence for people
	By      string    `json:"by,omitempty"`    // "controller", or who asked
	Seq     uint64    `json:"seq,omitempty"`   // of the site's journal entry
	Dropped uint64    `json:"dropped,omitempty"`
}

// FromEntry makes the event of a journal entry. Its ID follows from the entry, so that an entry
// told twice, by a restarted controller for instance, is the same message.
func FromEntry(e failover.Entry) Event {
	return Event{
		ID:   fmt.Sprintf("%s-%d-%d", e.Site, e.Seq, e.At.UnixNano()),
		Time: e.At, Kind: e.Event, Site: e.Site, Phase: string(e.State.Phase), Cause: string(e.State.Cause),
		Message: e.Message, By: e.By, Seq: e.Seq,
	}
}
