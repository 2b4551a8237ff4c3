package controller

import (
	"slices"
	"strings"
	"time"
)

// Names of the alarms.
const (
	AlarmJournal   = "journal"     // an entry could not be stored, so nothing is changed
	AlarmZone      = "zone"        // a zone cannot be read or changed, or is not as expected
	AlarmFallback  = "fallback"    // our own server is not ready for the site
	AlarmVeto      = "veto"        // a wanted switch does not happen
	AlarmBlind     = "blind"       // too few references answer
	AlarmExpiry    = "certificate" // the fallback's certificate ends, and cannot be renewed
	AlarmClock     = "clock"       // this machine's clock was set
	AlarmRecords   = "records"     // the configuration declares other records than the zone holds
	AlarmReference = "reference"   // a reference has failed for long
	AlarmPage      = "page"        // the page cannot be published
	AlarmOrphan    = "orphan"      // the journal knows a failed-over site that is not configured
	AlarmUnable    = "unable"      // a switch would not be possible: a locked record, a CNAME where none can stand
	AlarmResolver  = "resolver"    // a resolver of the panel does not follow
	AlarmLagging   = "lagging"     // an authoritative server does not follow
)

// raise tells an alarm once, and again when its message changes.
func (c *Controller) raise(site, name, message string) {
	c.mu.Lock()
	key := [2]string{site, name}
	alarm, known := c.alarms[key]
	if known && alarm.Message == message {
		c.mu.Unlock()
		return
	}
	if !known {
		alarm = Alarm{Site: site, Name: name, Since: time.Now(), Active: true}
	}
	alarm.Message = message
	c.alarms[key] = alarm
	c.mu.Unlock()
	c.tell(alarm)
}

// alarm raises an alarm, or clears it where there is no message.
func (c *Controller) alarm(site, name, message string) {
	if message == "" {
		c.clear(site, name)
	} else {
		c.raise(site, name, message)
	}
}

// clear tells that an alarm is over.
func (c *Controller) clear(site, name string) {
	c.mu.Lock()
	key := [2]string{site, name}
	alarm, known := c.alarms[key]
	delete(c.alarms, key)
	c.mu.Unlock()
	if known {
		alarm.Active = false
		c.tell(alarm)
	}
}

func (c *Controller) tell(alarm Alarm) {
	if alarm.Active {
		c.opts.Log.Warn("alarm", "site", alarm.Site, "alarm", alarm.Name, "message", alarm.Message)
	} else {
		c.opts.Log.Info("alarm over", "site", alarm.Site, "alarm", alarm.Name, "after", time.Since(alarm.Since).Round(time.Second))
	}
	if c.opts.Alarm != nil {
		c.opts.Alarm(alarm)
	}
}

// Alarms returns the active alarms, the controller's own first.
func (c *Controller) Alarms() []Alarm {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Alarm, 0, len(c.alarms))
	for _, a := range c.alarms {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Alarm) int { return strings.Compare(a.Site+" "+a.Name, b.Site+" "+b.Name) })
	return list
}
