package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/failover-dns/failover/failover"
)

// story renders the record for people.
func (h *History) story() string {
	var b strings.Builder
	start := time.Time{}
	for _, f := range h.Facts {
		if start.IsZero() {
			start = f.At
		}
		if text := f.text(); text != "" {
			fmt.Fprintf(&b, "%10.3f %1s %-8s %s\n", f.At.Sub(start).Seconds(), f.Who, f.What, text)
		}
	}
	return b.String()
}

func (f Fact) text() string {
	switch f.What {
	case factEntry:
		return fmt.Sprintf("%s %d %s %s: %s", f.Site, f.Entry.Seq, f.Entry.Event, f.Entry.State.Phase, f.Entry.Message)
	case factVersion:
		return f.version()
	case factCall, factAlarm:
		return ""
	case factAnswer:
		if f.Kind == "" {
			return ""
		}
		return fmt.Sprintf("%s %s %s: %s %v", f.Site, f.Op, f.Zone.Zone, f.Kind, f.RetryAfter)
	case factReload:
		text := fmt.Sprintf("%s; fallback %v %v %s", f.Note, f.Fallback.IPv4, f.Fallback.IPv6, f.Fallback.CNAME)
		for _, s := range f.Sites {
			text += fmt.Sprintf("\n%22s%s %+v", "", s.Name, s.Policy)
		}
		return text
	case factFinal:
		return fmt.Sprintf("%s %s trouble=%q originUp=%v alarms=%v", f.Final.Status.Site, f.Final.Status.State.Phase, f.Final.Status.Trouble, f.Final.OriginUp, f.Final.Alarms)
	default:
		return fmt.Sprintf("%s%s %v %s", f.Site, f.Host, f.OK, f.Note)
	}
}

func (f Fact) version() string {
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
}
