package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Headers of a message.
const (
	HeaderSignature = "X-Failover-Signature" // t=<Unix time>,v1=<hex HMAC-SHA-256 over "t.body">
	HeaderID        = "X-Failover-Id"        // the event's ID
)

// Errors of Verify.
var (
	ErrSignature = errors.New("the message is not signed with this secret")
	ErrTime      = errors.New("the message's time is too far from now: it may be a replay")
)

// sign returns the signature header of a body sent at time t.
func sign(secret []byte, body []byte, t time.Time) string {
	stamp := strconv.FormatInt(t.Unix(), 10)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac(secret, stamp, body))
}

func mac(secret []byte, stamp string, body []byte) []byte {
	h := hmac.New(sha256.New, secret)
	fmt.Fprintf(h, "%s.", stamp)
	h.Write(body)
	return h.Sum(nil)
}

// Verify checks the signature header of a message against its raw body: that it was made with the
// secret, and not further than tolerance from now (five minutes is a good choice; each attempt to
// deliver is signed anew). It returns nil, or an error that matches ErrSignature or ErrTime. A
// header may hold several signatures; one good one is enough.
func Verify(secret, header string, body []byte, now time.Time, tolerance time.Duration) error {
	stamp, signatures := "", [][]byte(nil)
	for part := range strings.SplitSeq(header, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch key {
		case "t":
			stamp = value
		case "v1":
			if raw, err := hex.DecodeString(value); err == nil {
				signatures = append(signatures, raw)
			}
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || secret == "" {
		return ErrSignature
	}
	want, good := mac([]byte(secret), stamp, body), false
	for _, got := range signatures {
		good = hmac.Equal(got, want) || good
	}
	if !good {
		return ErrSignature
	}
	if age := now.Sub(time.Unix(seconds, 0)).Abs(); age > tolerance {
		return ErrTime
	}
	return nil
}
