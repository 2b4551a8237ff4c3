package site

import (
	"fmt"
	"strings"
	"time"
)

// clock is a time as people and as machines read it.
type clock struct {
	Machine string // RFC 3339, UTC
	Text    string // in the page's time zone, which it states
	Day     string // "day 3"; empty on the first day
}

// sinceOr returns since when the page says that the site is away.
func (d document) sinceOr(known time.Time) time.Time {
	if !d.since.IsZero() {
		return d.since
	}
	return known
}

// overdue tells whether a promised update is late. The page is then silent about it: a promise
// that was broken in the night is worse than none.
func (d document) overdue(now time.Time) bool { return now.After(d.nextUpdate) }

// clock returns the time t, or nil for none, and the day of the outage at the time now, if any.
func (d document) clock(t, now time.Time) *clock {
	if t.IsZero() {
		return nil
	}
	c := &clock{Machine: t.UTC().Format(time.RFC3339), Text: d.timeText(t)}
	if n := day(t, now, d.zone); n > 1 {
		c.Day = count(d.words.Day, n)
	}
	return c
}

// day counts the calendar days from since to now, both included, as people count them. It is 0
// where there is nothing to count.
func day(since, now time.Time, zone *time.Location) int {
	if since.IsZero() || now.Before(since) {
		return 0
	}
	date := func(t time.Time) time.Time {
		y, m, d := t.In(zone).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(date(now).Sub(date(since))/(24*time.Hour)) + 1
}

// timeText writes a time as the readers of the document's language are used to, with its zone.
func (d document) timeText(t time.Time) string {
	t = t.In(d.zone)
	base, _ := d.lang.Base()
	switch base.String() {
	case "ja":
		return t.Format("2006年1月2日 15:04") + "（" + strings.Replace(zoneText(t), "JST (UTC+9)", "日本時間", 1) + "）"
	case "en":
		return t.Format("2 January 2006, 15:04 ") + zoneText(t)
	default:
		return t.Format("2006-01-02 15:04 ") + zoneText(t)
	}
}

// zoneText names the zone of a time: "UTC", "CET (UTC+1)", or "UTC+5:30" where it has no name.
func zoneText(t time.Time) string {
	name, offset := t.Zone()
	if offset == 0 && name == "UTC" {
		return name
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '−', -offset
	}
	utc := fmt.Sprintf("UTC%c%d", sign, offset/3600)
	if minutes := offset % 3600 / 60; minutes != 0 {
		utc += fmt.Sprintf(":%02d", minutes)
	}
	if name == "" || strings.ContainsAny(name[:1], "+-") {
		return utc
	}
	return name + " (" + utc + ")"
}
