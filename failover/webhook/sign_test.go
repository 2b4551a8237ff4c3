package webhook

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestVerify(t *testing.T) {
	const secret = "correct horse battery staple"
	body := []byte(`{"version":1}`)
	at := time.Unix(1_795_320_000, 0)
	// Computed with: printf '1795320000.{"version":1}' | openssl dgst -sha256 -hmac "$SECRET"
	const good = "t=1795320000,v1=170ac7dc615bb7539bfedf7f205a626c023fc4eba3b5f57c9b49435e33f7f8f7"
	tests := []struct {
		name, secret, header string
		body                 string
		now                  time.Time
		want                 error
	}{
		{"good", secret, good, string(body), at, nil},
		{"spaces, unknown parts", secret, strings.Replace(good, ",", ", v0=00, ", 1), string(body), at, nil},
		{"one of two", secret, good + ",v1=00ff", string(body), at, nil},
		{"a little late", secret, good, string(body), at.Add(5 * time.Minute), nil},
		{"too late", secret, good, string(body), at.Add(5*time.Minute + time.Second), ErrTime},
		{"from the future", secret, good, string(body), at.Add(-5*time.Minute - time.Second), ErrTime},
		{"other secret", "x", good, string(body), at, ErrSignature},
		{"no secret", "", good, string(body), at, ErrSignature},
		{"other body", secret, good, `{"version":2}`, at, ErrSignature},
		{"other time", secret, strings.Replace(good, "t=1795320000", "t=1795320001", 1), string(body), at, ErrSignature},
		{"no time", secret, good[strings.Index(good, "v1"):], string(body), at, ErrSignature},
		{"no signature", secret, "t=1795320000", string(body), at, ErrSignature},
		{"not hexadecimal", secret, "t=1795320000,v1=zz", string(body), at, ErrSignature},
		{"cut short", secret, good[:len(good)-2], string(body), at, ErrSignature},
		{"empty", secret, "", string(body), at, ErrSignature},
	}
	for _, test := range tests {
		if got := Verify(test.secret, test.header, []byte(test.body), test.now, 5*time.Minute); !errors.Is(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
	if got := sign([]byte(secret), body, at); got != good {
		t.Errorf("signed %s, want %s", got, good)
	}
}
