package rfc2136

import (
	"errors"
	"fmt"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

// failed sorts an error. writing says that the request was an UPDATE: one that was sent and not
// answered may be done or not.
func failed(op, apex string, err error, writing bool) error {
	ze := &failover.ZoneError{Kind: failover.KindUnavailable, Zone: apex, Op: op, Err: err}
	var known *failover.ZoneError
	var exchange *wire.ExchangeError
	var rcode *wire.RcodeError
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &exchange):
		if writing && exchange.Sent {
			ze.Kind = failover.KindLost
		}
	case errors.As(err, &rcode):
		ze.Kind, ze.Hint = rcode.Kind(), rcode.Hint()
		if !writing && ze.Kind == failover.KindDrift {
			ze.Kind = failover.KindUnavailable // such a code means nothing in the answer to a question
		}
	}
	return ze
}

func rejected(op, apex, hint string, format string, args ...any) error {
	return &failover.ZoneError{Kind: failover.KindRejected, Zone: apex, Op: op, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// drifted says what is different from the plan's Before.
func drifted(apex string, p failover.Plan, current []failover.RecordSet) error {
	text := ""
	for _, change := range failover.Diff(p.Before, current) {
		if text != "" {
			text += "; "
		}
		switch {
		case change.Before == nil:
			text += fmt.Sprintf("unexpected %s", change.After)
		case change.After == nil:
			text += fmt.Sprintf("missing %s", change.Before)
		default:
			text += fmt.Sprintf("%s instead of %s", change.After, change.Before)
		}
	}
	if text == "" {
		text = "it changed and changed back"
	}
	return &failover.ZoneError{Kind: failover.KindDrift, Zone: apex, Op: "replace", Err: fmt.Errorf("%w: %s", failover.ErrDrift, text)}
}
