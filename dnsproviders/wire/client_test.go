package wire_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/failover-dns/failover/dnsproviders/wire"
	"github.com/failover-dns/failover/failover"
)

const secret = "c2VjcmV0IGZvciB0ZXN0cyBvbmx5IDAxMjM0NTY3ODk="

// serve starts a server on loopback, UDP and TCP on one port, and returns its address.
func serve(t *testing.T, handler dns.HandlerFunc) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	packets, err := net.ListenPacket("udp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"key.": secret}
	accept := func(dns.Header) dns.MsgAcceptAction { return dns.MsgAccept }
	for _, s := range []*dns.Server{
		{Listener: listener, Handler: handler, TsigSecret: secrets, MsgAcceptFunc: accept},
		{PacketConn: packets, Handler: handler, TsigSecret: secrets, MsgAcceptFunc: accept},
	} {
		started, stopped := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { defer close(stopped); s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { s.Shutdown(); <-stopped })
	}
	return listener.Addr().String()
}

func key(t *testing.T) *wire.TSIG {
	t.Helper()
	k, err := wire.NewTSIG("key", "hmac-sha256", secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// answer replies with n A records, over UDP as far as they fit.
func answer(w dns.ResponseWriter, q *dns.Msg, n int) {
	m := new(dns.Msg).SetReply(q)
	for i := range n {
		m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
			A: net.IPv4(192, 0, byte(2+i/256), byte(i))})
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		m.Truncate(512)
	}
	if tsig := q.IsTsig(); tsig != nil && w.TsigStatus() == nil {
		m.SetTsig(tsig.Hdr.Name, tsig.Algorithm, 300, time.Now().Unix())
	}
	w.WriteMsg(m)
}

func TestTruncatedAnswersAreAskedAgainOverTCP(t *testing.T) {
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) { answer(w, q, 300) })
	m, err := wire.Client{Server: server}.Exchange(t.Context(), wire.Query("www.example.org.", dns.TypeA))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Answer) != 300 {
		t.Errorf("%d answers, want 300", len(m.Answer))
	}
}

func TestSignedPipelineKeepsOrder(t *testing.T) {
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if w.TsigStatus() != nil || q.IsTsig() == nil {
			t.Errorf("signature: %v", w.TsigStatus())
		}
		answer(w, q, 1)
	})
	var ms []*dns.Msg
	for i := range 100 {
		ms = append(ms, wire.Query(fmt.Sprintf("h%d.example.org.", i), dns.TypeA))
	}
	answers, err := wire.Client{Server: server, TSIG: key(t)}.Pipeline(t.Context(), ms)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range answers {
		if want := fmt.Sprintf("h%d.example.org.", i); m.Answer[0].Header().Name != want {
			t.Errorf("answer %d is for %s", i, m.Answer[0].Header().Name)
		}
	}
}

func TestWhatIsNotAnAnswer(t *testing.T) {
	for _, c := range []struct {
		name string
		key  bool
		sent bool
		do   dns.HandlerFunc
		want string
	}{
		{"silence", false, true, func(dns.ResponseWriter, *dns.Msg) {}, "deadline"},
		{"closed", false, true, func(w dns.ResponseWriter, _ *dns.Msg) { w.Close() }, "EOF"},
		{"unsigned", true, true, func(w dns.ResponseWriter, q *dns.Msg) { w.WriteMsg(new(dns.Msg).SetReply(q)) }, "not signed"},
		{"another question", false, true, func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Question[0].Name = "other.example.org."
			w.WriteMsg(m)
		}, "not one to what was asked"},
		{"another id", false, true, func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			m.Id++
			w.WriteMsg(m)
		}, "not one to what was asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := wire.Client{Server: serve(t, c.do), Timeout: 200 * time.Millisecond}
			if c.key {
				client.TSIG = key(t)
			}
			_, err := client.Pipeline(t.Context(), []*dns.Msg{wire.Query("www.example.org.", dns.TypeA)})
			var ee *wire.ExchangeError
			if !errors.As(err, &ee) || ee.Sent != c.sent || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q with sent=%v", err, c.want, c.sent)
			}
		})
	}
}

func TestNothingIsSentToADeafPortOrAfterTheEnd(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	q := []*dns.Msg{wire.Query("www.example.org.", dns.TypeA)}
	var ee *wire.ExchangeError
	if _, err := (wire.Client{Server: listener.Addr().String()}).Pipeline(t.Context(), q); !errors.As(err, &ee) || ee.Sent {
		t.Errorf("deaf port: %v", err)
	}
	var asked atomic.Int32
	server := serve(t, func(w dns.ResponseWriter, q *dns.Msg) { asked.Add(1); answer(w, q, 1) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (wire.Client{Server: server}).Pipeline(ctx, q); !errors.As(err, &ee) || ee.Sent || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if asked.Load() > 0 {
		t.Error("the server was asked all the same")
	}
}

func TestRefusalsAreSortedAndHinted(t *testing.T) {
	for _, c := range []struct {
		rcode, tsig int
		kind        failover.ErrorKind
		hint        string
	}{
		{dns.RcodeRefused, 0, failover.KindUnauthorized, "allow the key"},
		{dns.RcodeNotAuth, 0, failover.KindUnauthorized, "primary"},
		{dns.RcodeNotAuth, dns.RcodeBadSig, failover.KindUnauthorized, "secret"},
		{dns.RcodeNotAuth, dns.RcodeBadKey, failover.KindUnauthorized, "name and algorithm"},
		{dns.RcodeNotAuth, dns.RcodeBadTime, failover.KindUnauthorized, "clocks"},
		{dns.RcodeNXRrset, 0, failover.KindDrift, ""},
		{dns.RcodeYXRrset, 0, failover.KindDrift, ""},
		{dns.RcodeNameError, 0, failover.KindDrift, ""},
		{dns.RcodeYXDomain, 0, failover.KindDrift, ""},
		{dns.RcodeServerFailure, 0, failover.KindUnavailable, "log"},
		{dns.RcodeNotZone, 0, failover.KindRejected, ""},
		{dns.RcodeFormatError, 0, failover.KindRejected, ""},
		{dns.RcodeNotImplemented, 0, failover.KindRejected, ""},
	} {
		m := &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: c.rcode}}
		if c.tsig != 0 {
			m.Extra = append(m.Extra, &dns.TSIG{Hdr: dns.RR_Header{Name: "key.", Rrtype: dns.TypeTSIG}, Error: uint16(c.tsig)})
		}
		var re *wire.RcodeError
		if err := wire.Check("192.0.2.53:53", m); !errors.As(err, &re) {
			t.Fatalf("rcode %d: %v", c.rcode, err)
		}
		if re.Kind() != c.kind || !strings.Contains(re.Hint(), c.hint) {
			t.Errorf("%v: kind %s, hint %q", re, re.Kind(), re.Hint())
		}
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct{ name, algorithm, secret, want string }{
		{"ddns.", "hmac-sha256.", secret, ""},
		{"ddns", "HMAC-SHA512", secret, ""},
		{"ddns.", "hmac-md5", secret, "algorithm"},
		{"", "hmac-sha256", secret, "name"},
		{"ddns.", "hmac-sha256", "not base64!", "base64"},
		{"ddns.", "hmac-sha256", "", "base64"},
	} {
		k, err := wire.NewTSIG(c.name, c.algorithm, c.secret)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", k, k, k, k); strings.Contains(text, c.secret) && c.secret != "" {
			t.Errorf("the secret prints: %s", text)
		}
	}
}
