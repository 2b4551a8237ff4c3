package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var hello = func(name string) *tls.ClientHelloInfo { return &tls.ClientHelloInfo{ServerName: name} }

func TestObtainsKeepsAndRenews(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour, takes: 10 * time.Second}, &logged{}
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		hosts := []string{"example.org.", "WWW.example.org.", "*.example.net.", "www.example.org."}
		if err := m.Manage(t.Context(), hosts); err != nil {
			t.Fatal(err)
		}
		for _, s := range m.Status() {
			if !s.NotAfter.IsZero() || !strings.HasPrefix(s.Err, NoValid) {
				t.Errorf("before: %+v", s)
			}
		}
		time.Sleep(11 * time.Second)
		first := m.Status()
		if got := []string{first[0].Host, first[1].Host, first[2].Host}; !slices.Equal(got, []string{"*.example.net.", "example.org.", "www.example.org."}) {
			t.Fatalf("hosts %v", got)
		}
		for _, s := range first {
			left := time.Until(s.RenewAt)
			if s.Err != "" || s.Issuer != "Test CA" || left > 60*24*time.Hour || left < 57*24*time.Hour {
				t.Errorf("after: %+v", s)
			}
		}
		if n := f.asked(); n != 3 {
			t.Errorf("%d orders for 3 hosts", n)
		}
		time.Sleep(61 * 24 * time.Hour)
		for i, s := range m.Status() {
			if !s.NotAfter.After(first[i].NotAfter) {
				t.Errorf("not renewed: %+v", s)
			}
		}
		if orders := f.orders(); !slices.Contains(orders, "example.org+") || len(orders) != 3 {
			t.Errorf("renewals %v should say what they replace (ARI)", orders)
		}
		if c, err := m.GetCertificate(hello("A.example.net")); err != nil || c.Leaf.DNSNames[0] != "*.example.net" {
			t.Errorf("%v %v", c, err)
		}
		if c, err := m.GetCertificate(hello("example.com")); c != nil || err != nil {
			t.Errorf("a certificate for an unknown host: %v %v", c, err)
		}
	})
	info, err := os.Stat(filepath.Join(dir, "certs", "_wildcard_.example.net.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

func TestStartsWithoutTheCA(t *testing.T) {
	dir := t.TempDir()
	hosts := fill(t, dir, 5)
	f, log := &fake{t: t, ca: newAuthority(t)}, &logged{}
	f.set(func(string) error { return errors.New("no route to host") })
	m := manager(t, dir, f, log, nil)
	defer m.Stop()
	if err := m.Manage(t.Context(), hosts); err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Status() { // at once
		if s.Err != "" || s.NotAfter.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	if n := f.asked(); n != 0 {
		t.Errorf("the CA was asked %d times", n)
	}
}

func TestCADownForWeeks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour}, &logged{}
		f.set(func(string) error { return &issueError{trouble: troubleCA, err: errors.New("connection refused")} })
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		var hosts []string
		for _, c := range "abcdefghijklmnopqrst" {
			hosts = append(hosts, string(c)+".example.org.")
		}
		m.Manage(t.Context(), hosts)
		time.Sleep(time.Hour)
		if n := f.asked(); n < 10 || n > 40 {
			t.Errorf("%d calls in the first hour for 20 hosts", n)
		}
		time.Sleep(10 * 24 * time.Hour)
		if n := f.asked(); n < 24*6*9/2 || n > 24*6*11 {
			t.Errorf("%d calls in 10 days", n)
		}
		if n := log.count("the CA cannot be used; "); n < 9 || n > 12 {
			t.Errorf("said %d times in 10 days", n)
		}
		if s := m.Status()[0]; !strings.Contains(s.Err, "connection refused") || !strings.HasPrefix(s.Err, NoValid) {
			t.Errorf("%+v", s)
		}
		f.set(nil)
		time.Sleep(12 * time.Minute)
		for _, s := range m.Status() {
			if s.Err != "" {
				t.Errorf("not healed: %+v", s)
			}
		}
	})
}

// A renewal that fails is no alarm at once, and is one long before the end.
func TestRenewalThatFailsPressesInTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * time.Hour}, &logged{}
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		if err := m.Manage(t.Context(), []string{"www.example.org."}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		f.set(func(string) error { return &issueError{trouble: troubleCA, err: errors.New("connection refused")} })
		for _, at := range []struct {
			hours          int
			fails, presses bool
		}{{50, false, false}, {65, true, false}, {80, true, true}, {100, true, true}} {
			time.Sleep(time.Until(m.Status()[0].NotAfter.Add(time.Duration(at.hours-90) * time.Hour)))
			why, presses := m.Trouble("www.example.org.")
			if (why != "") != at.fails || presses != at.presses {
				t.Errorf("hour %d: %q, presses %v", at.hours, why, presses)
			}
		}
		f.set(nil)
		time.Sleep(time.Hour)
		if why, presses := m.Trouble("www.example.org."); why != "" || presses {
			t.Errorf("renewed: %q, presses %v", why, presses)
		}
	})
}

func TestFailingHostDoesNotHoldOthers(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour, takes: 20 * time.Second}, &logged{}
		f.set(func(name string) error {
			if name == "bad.example.org" {
				return &issueError{trouble: troubleHost, err: errors.New("CAA forbids it")}
			}
			return nil
		})
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		m.Manage(t.Context(), []string{"bad.example.org.", "good.example.org."})
		time.Sleep(time.Minute)
		if s := m.Status(); s[1].Err != "" || !strings.Contains(s[0].Err, "CAA forbids it") {
			t.Errorf("%+v", s)
		}
		f.asked()
		time.Sleep(59 * time.Minute)
		if n := f.asked(); n > 4 { // and one in the minute before
			t.Errorf("%d failures in an hour; Let's Encrypt allows 5", n+1)
		}
		time.Sleep(30 * 24 * time.Hour)
		if n := f.asked(); n < 100 || n > 150 {
			t.Errorf("%d attempts in 30 days: it must go on, slowly", n)
		}
		if n := log.count("certificate not obtained"); n > 32 {
			t.Errorf("said %d times in 30 days", n)
		}
	})
}

func TestRateLimitIsObeyed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour}, &logged{}
		f.set(func(string) error {
			return &issueError{trouble: troubleLimit, retryAfter: 3 * time.Hour, err: errors.New("too many")}
		})
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		m.Manage(t.Context(), []string{"a.example.org."})
		time.Sleep(3*time.Hour - time.Second)
		if n := f.asked(); n != 1 {
			t.Errorf("asked %d times within Retry-After", n)
		}
		f.set(nil)
		time.Sleep(time.Minute)
		if s := m.Status()[0]; s.Err != "" {
			t.Errorf("%+v", s)
		}
	})
}

func TestShortLivedCertificateIsRetriedInTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 2 * time.Hour}, &logged{}
		m := manager(t, dir, f, log, func(o *Options) { o.RenewBefore = 720 * time.Hour }) // longer than its life
		defer m.Stop()
		m.Manage(t.Context(), []string{"a.example.org."})
		time.Sleep(time.Hour)
		if n := f.asked(); n != 1 {
			t.Fatalf("%d orders in the first hour", n)
		}
		failing := time.Now().Add(35 * time.Minute)
		f.set(func(string) error {
			if time.Now().Before(failing) {
				return &issueError{trouble: troubleHost, err: errors.New("not yet")}
			}
			return nil
		})
		time.Sleep(59 * time.Minute)
		if s := m.Status()[0]; s.Err != "" || !s.NotAfter.After(time.Now().Add(time.Hour)) {
			t.Errorf("%+v", s)
		}
	})
}

func TestManyHostsAreBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour, takes: time.Second}, &logged{}
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		var hosts []string
		for c := range 100 {
			hosts = append(hosts, strings.Repeat("a", c%10+1)+string(rune('a'+c/10))+".example.org.")
		}
		m.Manage(t.Context(), hosts)
		time.Sleep(15 * time.Second)
		for _, s := range m.Status() {
			if s.Err != "" {
				t.Errorf("%+v", s)
			}
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.most != parallel {
			t.Errorf("%d at a time", f.most)
		}
	})
}

func TestInternalCertificate(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), takes: time.Hour}, &logged{}
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		m.Manage(t.Context(), []string{"*.example.org."})
		first, err := m.GetCertificate(hello("a.example.org"))
		if err != nil || first.Leaf.Issuer.CommonName != internalCA || first.Leaf.VerifyHostname("a.example.org") != nil {
			t.Fatalf("%+v %v", first, err)
		}
		for _, name := range []string{"b.example.org", "c.d.example.org"} {
			if c, _ := m.GetCertificate(hello(name)); c != first {
				t.Errorf("%s: names of strangers cost memory", name)
			}
		}
		if n := log.count(NoValid + ": visitors"); n != 1 {
			t.Errorf("said %d times", n)
		}
		if s := m.Status()[0]; !strings.HasPrefix(s.Err, NoValid) || !s.NotAfter.IsZero() {
			t.Errorf("an internal certificate counts as valid: %+v", s)
		}
		time.Sleep(13 * time.Hour)
		if c, _ := m.GetCertificate(hello("a.example.org")); c == first {
			t.Error("not made anew")
		}
		m.Manage(t.Context(), nil)
		if c, _ := m.GetCertificate(hello("a.example.org")); c != nil || len(m.internal.issued) != 0 {
			t.Error("kept for a host that is gone")
		}
	})
}

func TestDamagedFilesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	hosts := fill(t, dir, 4)
	path := func(i int) string { return filepath.Join(dir, "certs", strings.TrimSuffix(hosts[i], ".")+".pem") }
	content := func(i int) []byte {
		text, err := os.ReadFile(path(i))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	whole := content(3)
	truncated := content(0)[:len(content(0))/2]
	flipped := content(1)
	at := strings.Index(string(flipped), "BEGIN CERTIFICATE") + 400
	flipped[at] = map[bool]byte{true: 'A', false: 'B'}[flipped[at] != 'A']
	for i, text := range [][]byte{truncated, flipped, whole} { // the last one is another host's
		if err := os.WriteFile(path(i), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour}, &logged{}
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		m.Manage(t.Context(), hosts)
		time.Sleep(time.Second)
		if n := log.count("damaged or unreadable"); n != 3 {
			t.Errorf("%d of 3 damaged files found", n)
		}
		for _, s := range m.Status()[:3] {
			if s.Err != "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

func TestAnotherCAMeansNewCertificates(t *testing.T) {
	dir := t.TempDir()
	hosts := fill(t, dir, 1)
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: 90 * 24 * time.Hour}, &logged{}
		m := manager(t, dir, f, log, func(o *Options) { o.Directory = "https://other.example.com/" })
		defer m.Stop()
		m.Manage(t.Context(), hosts)
		if c, err := m.GetCertificate(hello("h0.example.org")); err != nil || c.Leaf.Issuer.CommonName != "Test CA" {
			t.Errorf("the old one is not served meanwhile: %v", err)
		}
		time.Sleep(time.Second)
		if orders := f.orders(); len(orders) != 1 || orders[0] != "h0.example.org" {
			t.Errorf("orders %v: one that replaces nothing is wanted", orders)
		}
	})
}

func TestDiskFullAsksNobody(t *testing.T) {
	dir := t.TempDir()
	f, log := &fake{t: t, ca: newAuthority(t), life: time.Hour}, &logged{}
	m := manager(t, dir, f, log, nil)
	defer m.Stop()
	if err := os.RemoveAll(filepath.Join(dir, "certs")); err != nil {
		t.Fatal(err)
	}
	m.Manage(t.Context(), []string{"a.example.org."})
	e := m.find("a.example.org")
	_, err := m.obtain(t.Context(), e)
	var issue *issueError
	if !errors.As(err, &issue) || issue.trouble != troubleDisk || f.asked() != 0 {
		t.Errorf("%v", err)
	}
}

func TestByHand(t *testing.T) {
	dir := t.TempDir()
	log := &logged{}
	ca := newAuthority(t)
	synctest.Test(t, func(t *testing.T) {
		var m *Manager
		var err error
		var arrived []string
		m, err = New(Options{Dir: dir, Log: log.logger(), Obtained: func(host string) {
			if s := m.Status()[0]; s.Err == "" { // which needs the lock
				arrived = append(arrived, host)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Stop()
		m.Manage(t.Context(), []string{"a.example.org."})
		time.Sleep(time.Second)
		if s := m.Status()[0]; !strings.Contains(s.Err, "no CA is configured") || !strings.Contains(s.Err, "acme block") {
			t.Errorf("%+v", s)
		}
		put := func() {
			if err := os.WriteFile(m.store.certificate("a.example.org"), ca.pair(t, "a.example.org", 30*24*time.Hour), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put()
		time.Sleep(2 * time.Minute)
		if s := m.Status()[0]; s.Err != "" {
			t.Errorf("%+v", s)
		}
		time.Sleep(20*24*time.Hour + 2*time.Hour)
		if s := m.Status()[0]; !strings.Contains(s.Err, "a newer one") || strings.HasPrefix(s.Err, NoValid) {
			t.Errorf("%+v", s)
		}
		put()
		time.Sleep(2 * time.Minute)
		if s := m.Status()[0]; s.Err != "" {
			t.Errorf("%+v", s)
		}
		if n := log.count("certificate obtained"); n != 2 {
			t.Errorf("said %d times", n)
		}
		if want := []string{"a.example.org", "a.example.org"}; !slices.Equal(arrived, want) {
			t.Errorf("heard of %v; expected %v", arrived, want)
		}
	})
}

func TestExpiredIsNotValid(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		f, log := &fake{t: t, ca: newAuthority(t), life: time.Hour}, &logged{}
		m := manager(t, dir, f, log, nil)
		defer m.Stop()
		m.Manage(t.Context(), []string{"a.example.org."})
		time.Sleep(time.Second)
		f.set(func(string) error { return &issueError{trouble: troubleHost, err: errors.New("broken")} })
		time.Sleep(2 * time.Hour)
		if s := m.Status()[0]; !strings.HasPrefix(s.Err, NoValid) || s.NotAfter.After(time.Now()) {
			t.Errorf("%+v", s)
		}
		if c, err := m.GetCertificate(hello("a.example.org")); err != nil || c.Leaf.Issuer.CommonName != "Test CA" {
			t.Errorf("the real certificate is not served: %v", err)
		}
	})
}

func TestNamesThatCannotBeCertified(t *testing.T) {
	m := manager(t, t.TempDir(), &fake{t: t, ca: newAuthority(t), life: time.Hour}, &logged{}, nil)
	defer m.Stop()
	err := m.Manage(t.Context(), []string{"../../etc/passwd.", "a..example.org.", "org.", ".", "a/b.example.org.", "*.*.example.org.", "good.example.org."})
	if err == nil || strings.Count(err.Error(), "not a host name") != 6 || len(m.Status()) != 1 {
		t.Errorf("%v %+v", err, m.Status())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Manage(ended, []string{"x.example.org."}); err == nil || m.Status()[0].Host != "good.example.org." {
		t.Errorf("a cancelled Manage changed the set: %v", err)
	}
}

func TestStopIsQuickAndKeepsServing(t *testing.T) {
	f, log := &fake{t: t, ca: newAuthority(t), takes: time.Hour}, &logged{}
	m := manager(t, t.TempDir(), f, log, nil)
	m.Manage(t.Context(), []string{"a.example.org."})
	m.Stop()
	if c, err := m.GetCertificate(hello("a.example.org")); c == nil || err != nil {
		t.Error(err)
	}
}
