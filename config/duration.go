package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// limits are the least and the most that a duration may be.
type limits struct{ least, most time.Duration }

const (
	moment = time.Millisecond
	day    = 24 * time.Hour
	year   = 366 * day
)

// duration reads a duration such as "90s" or "1h30m".
func (b body) duration(name string, otherwise time.Duration, l limits) time.Duration {
	v, attr, ok := b.value(name)
	if !ok {
		return otherwise
	}
	at, example := attr.Expr.Range(), fmt.Sprintf("%s = %q", name, short(max(otherwise, l.least)))
	if v.Type() != cty.String {
		b.complain(at, example, "%s: %s must be a duration with a unit, in quotes, not %s", b.title, name, kindOf(v))
		return otherwise
	}
	d, err := time.ParseDuration(v.AsString())
	switch {
	case err != nil:
		b.complain(at, example, "%s: %s must be a duration such as \"10s\", \"2m\" or \"1h30m\", not %q", b.title, name, v.AsString())
	case d < l.least || d > l.most:
		b.complain(at, example, "%s: %s must be from %s to %s, not %s", b.title, name, short(l.least), short(l.most), short(d))
	default:
		return d
	}
	return otherwise
}

// short prints a duration without the zero parts: "2m", not "2m0s".
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
