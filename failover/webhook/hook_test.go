package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/failover-dns/failover/failover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	canary  = "canary-secret-7f3a"
	address = "https://canary-user:canary-pass@hooks.example.net/canary-path?token=canary-query"
)

// receiver plays the other side, in the bubble's time. answer decides the answer to each attempt;
// status 0 is a broken connection.
type receiver struct {
	answer func(attempt int, e Event) (status int, retryAfter string)

	mu       sync.Mutex
	attempts []attempt
}

type attempt struct {
	at    time.Time
	event Event
	id    string
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	data, _ := io.ReadAll(req.Body)
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, err
	}
	if err := Verify(canary, req.Header.Get(HeaderSignature), data, time.Now(), time.Second); err != nil {
		return nil, fmt.Errorf("not signed at this moment: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempts = append(r.attempts, attempt{time.Now(), e, req.Header.Get(HeaderID)})
	status, after := http.StatusOK, ""
	if r.answer != nil {
		status, after = r.answer(len(r.attempts), e)
	}
	if status == 0 {
		return nil, errors.New("connection refused")
	}
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("thanks"))}
	if after != "" {
		resp.Header.Set("Retry-After", after)
	}
	return resp, nil
}

// seen returns the messages of all attempts, in order.
func (r *receiver) seen() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, a := range r.attempts {
		all = append(all, a.event.Message)
	}
	return strings.Join(all, " ")
}

// start runs a hook against the receiver until the test ends. It must be called in a bubble.
func start(t *testing.T, r *receiver, o Options) (*Hook, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	o.Name, o.URL, o.Secret = "ops", address, canary
	o.Client, o.Log = &http.Client{Transport: r}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		if strings.Contains(log.String(), "canary") {
			t.Errorf("a secret is in the log:\n%s", log.String())
		}
	})
	return h, &log
}

// pass lets time go by in a bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func say(messages ...string) []Event {
	var all []Event
	for _, m := range messages {
		all = append(all, Event{Time: time.Now(), Kind: KindAlarm, Site: "www", Message: m})
	}
	return all
}

func TestInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		h, _ := start(t, r, Options{})
		for _, e := range say("a", "b", "c") {
			h.Send(e)
		}
		synctest.Wait()
		if got := r.seen(); got != "a b c" {
			t.Errorf("got %q", got)
		}
		if got := h.Stats(); got != (Stats{Delivered: 3}) {
			t.Errorf("stats %+v", got)
		}
		e := r.attempts[0].event
		if e.Version != 1 || e.ID == "" || e.ID != r.attempts[0].id || e.ID == r.attempts[1].id || e.Time.Location() != time.UTC {
			t.Errorf("event %+v with header %s", e, r.attempts[0].id)
		}
	})
}

// TestRetry: whatever can succeed later is tried again, the same message, before the next one.
func TestRetry(t *testing.T) {
	for _, status := range []int{0, 408, 429, 500, 502, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answer: func(n int, _ Event) (int, string) {
					if n < 4 {
						return status, ""
					}
					return 204, ""
				}}
				h, log := start(t, r, Options{})
				for _, e := range say("a", "b") {
					h.Send(e)
				}
				pass(time.Minute)
				if got := r.seen(); got != "a a a a b" {
					t.Errorf("got %q", got)
				}
				if r.attempts[0].id != r.attempts[3].id {
					t.Error("another attempt has another ID")
				}
				if got := h.Stats(); got != (Stats{Delivered: 2}) {
					t.Errorf("stats %+v", got)
				}
				if n := strings.Count(log.String(), "\n"); n != 2 {
					t.Errorf("want one line for the trouble and one for its end:\n%s", log)
				}
			})
		})
	}
}

// TestRefused: what the receiver does not want is not sent again.
func TestRefused(t *testing.T) {
	for _, status := range []int{301, 307, 400, 401, 404, 410, 413} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answer: func(n int, _ Event) (int, string) { return status, "" }}
				h, log := start(t, r, Options{})
				h.Send(say("a")[0])
				pass(24 * time.Hour)
				if got := r.seen(); got != "a" {
					t.Errorf("got %q", got)
				}
				if got := h.Stats(); got != (Stats{Failed: 1}) {
					t.Errorf("stats %+v", got)
				}
				if !strings.Contains(log.String(), "check the webhook's url and secret") {
					t.Errorf("no way out in the log:\n%s", log)
				}
			})
		})
	}
}

// TestRetryAfter: the receiver's word goes over the ladder, within reason.
func TestRetryAfter(t *testing.T) {
	tests := []struct {
		header   string
		from, to time.Duration // bounds of the pause after the first attempt
	}{
		{"", 500 * time.Millisecond, 1500 * time.Millisecond},
		{"90", 90 * time.Second, 90 * time.Second},
		{"Sat, 01 Jan 2000 00:02:00 GMT", 2 * time.Minute, 2 * time.Minute}, // a bubble begins in the year 2000
		{"999999", time.Hour, time.Hour},
		{"soon", 500 * time.Millisecond, 1500 * time.Millisecond},
		{"-5", 500 * time.Millisecond, 1500 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &receiver{answer: func(n int, _ Event) (int, string) {
					if n == 1 {
						return 503, test.header
					}
					return 200, ""
				}}
				h, _ := start(t, r, Options{})
				h.Send(say("a")[0])
				pass(2 * time.Hour)
				if got := r.attempts[1].at.Sub(r.attempts[0].at); got < test.from || got > test.to {
					t.Errorf("the pause is %v, want %v to %v", got, test.from, test.to)
				}
			})
		})
	}
}

// TestGiveUp: an event is tried for so long, then the next one has its turn.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answer: func(_ int, e Event) (int, string) {
			if e.Message == "a" {
				return 500, ""
			}
			return 200, ""
		}}
		h, log := start(t, r, Options{GiveUp: time.Hour})
		for _, e := range say("a", "b") {
			h.Send(e)
		}
		pass(2 * time.Hour)
		if got := h.Stats(); got != (Stats{Delivered: 1, Failed: 1}) {
			t.Errorf("stats %+v", got)
		}
		last := r.attempts[len(r.attempts)-1]
		if took := last.at.Sub(r.attempts[0].at); last.event.Message != "b" || took < 45*time.Minute || took > time.Hour {
			t.Errorf("%s came after %v", last.event.Message, took)
		}
		if n := len(r.attempts); n < 10 || n > 30 {
			t.Errorf("%d attempts in an hour", n)
		}
		if !strings.Contains(log.String(), "could not be delivered") {
			t.Errorf("nothing in the log:\n%s", log)
		}
	})
}

// TestFull: a full queue drops its oldest, and the next message says so. Send never waits.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{answer: func(n int, _ Event) (int, string) {
			if n == 1 {
				return 503, "60"
			}
			return 200, ""
		}}
		h, _ := start(t, r, Options{Queue: 2})
		began := time.Now()
		h.Send(say("a")[0])
		synctest.Wait() // it is on its way, and no longer in the queue
		for _, e := range say("b", "c", "d", "e") {
			h.Send(e)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("sending took %v", took)
		}
		if got := h.Stats(); got != (Stats{Dropped: 2, Queued: 3}) { // two wait, one is on its way
			t.Errorf("stats %+v", got)
		}
		pass(time.Hour)
		if got := r.seen(); got != "a a d e" {
			t.Errorf("got %q", got)
		}
		if d := r.attempts[2].event.Dropped; d != 2 {
			t.Errorf("the next message tells of %d dropped, want 2", d)
		}
		if d := r.attempts[3].event.Dropped; d != 0 {
			t.Errorf("the one after tells of %d dropped again", d)
		}
	})
}

// TestStop: Run returns at once, in the middle of a pause too, and says what is lost.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &receiver{answer: func(int, Event) (int, string) { return 503, "3600" }}
		h, err := New(Options{Name: "ops", URL: address, Secret: canary, Client: &http.Client{Transport: r}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); h.Run(ctx) }()
		for _, e := range say("a", "b") {
			h.Send(e)
		}
		synctest.Wait()
		began := time.Now()
		cancel()
		<-done
		if took := time.Since(began); took != 0 {
			t.Errorf("stopping took %v", took)
		}
		if !strings.Contains(log.String(), "events=1") || !strings.Contains(log.String(), "in the middle of a delivery") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for _, o := range []Options{
		{Name: "ops", URL: "", Secret: canary},
		{Name: "ops", URL: "ftp://canary@example.net/", Secret: canary},
		{Name: "ops", URL: "https://", Secret: canary},
		{Name: "ops", URL: "https://canary:can%ary@[example.net/canary", Secret: canary},
		{Name: "ops", URL: "https://example.net/"},
	} {
		_, err := New(o)
		if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "; try: ") {
			t.Errorf("got %v", err)
		}
	}
}

// TestSecrets: neither the options nor the hook ever print what is secret.
func TestSecrets(t *testing.T) {
	o := Options{Name: "ops", URL: address, Secret: canary}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		text = append(text, fmt.Sprintf(verb, o), fmt.Sprintf(verb, &o), fmt.Sprintf(verb, h))
	}
	for _, v := range []any{o, h} {
		data, _ := json.Marshal(v)
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		text = append(text, string(data), log.String())
	}
	for _, s := range text {
		if strings.Contains(s, "canary") || strings.Contains(s, fmt.Sprintf("%x", canary)) {
			t.Errorf("a secret prints: %s", s)
		}
	}
}

// TestServer sends to a real server, and to one that is not there any more.
func TestServer(t *testing.T) {
	got := make(chan error, 1)
	elsewhere := make(chan struct{}, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /hook", func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		got <- Verify(canary, r.Header.Get("X-Failover-Signature"), data, time.Now(), 5*time.Minute)
	})
	mux.HandleFunc("POST /moved", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusPermanentRedirect)
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere <- struct{}{} })
	server := httptest.NewServer(mux)
	hook := func(path string) *Hook {
		h, err := New(Options{Name: "ops", URL: server.URL + path + "?token=canary-query", Secret: canary, Client: server.Client()})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if err := hook("/hook").attempt(t.Context(), "1", []byte("{}")); err != nil {
		t.Error(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	err := hook("/moved").attempt(t.Context(), "2", []byte("{}"))
	if err == nil || err.Error() != "the receiver answered 308 Permanent Redirect; try: check the webhook's url and secret" {
		t.Errorf("a redirect: %v", err)
	}
	if len(elsewhere) > 0 {
		t.Error("the redirect was followed")
	}
	server.Close()
	err = hook("/hook").attempt(t.Context(), "3", []byte("{}"))
	if err == nil || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("a dead server: %v", err)
	}
}

func TestFromEntry(t *testing.T) {
	at := time.Date(2026, 11, 22, 4, 17, 30, 0, time.UTC)
	entry := failover.Entry{Seq: 7, Site: "www", At: at, Event: failover.EventPhase, By: "controller", Message: "switched",
		State: failover.State{Phase: failover.InFallback, Cause: failover.CauseRefused}}
	e := FromEntry(entry)
	want := Event{ID: "www-7-1795321050000000000", Time: at, Kind: "phase", Site: "www", Phase: "fallback", Cause: "refused",
		Message: "switched", By: "controller", Seq: 7}
	if e != want {
		t.Errorf("got %+v\nwant %+v", e, want)
	}
	ids := []string{e.ID}
	entry.Seq++
	ids = append(ids, FromEntry(entry).ID)
	entry.Site = "shop"
	ids = append(ids, FromEntry(entry).ID)
	if slices.Sort(ids); len(slices.Compact(ids)) != 3 {
		t.Errorf("IDs are not unique: %v", ids)
	}
}
