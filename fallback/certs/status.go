package certs

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// CertStatus is where a host's certificate stands.
type CertStatus struct {
	Host     string    `json:"host"`              // canonical
	NotAfter time.Time `json:"notAfter,omitzero"` // zero when none is held
	Issuer   string    `json:"issuer,omitempty"`  // common name of the CA
	RenewAt  time.Time `json:"renewAt,omitzero"`  // when the next attempt is due
	// Err starts with NoValid when the host has no valid certificate; otherwise it says why the
	// renewal fails, and is empty when all is well.
	Err string `json:"err,omitempty"`
}

// NoValid begins CertStatus.Err when browsers will refuse what the host is served with.
const NoValid = "no valid certificate"

// Status returns where every managed host stands, by name.
func (m *Manager) Status() []CertStatus {
	hosts := *m.hosts.Load()
	all := make([]CertStatus, 0, len(hosts))
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		all = append(all, hosts[name].status(now))
	}
	return all
}

func (e *entry) status(now time.Time) CertStatus {
	s := CertStatus{Host: e.name + ".", RenewAt: e.due}
	why := "not obtained yet"
	if e.err != nil {
		s.Err = "renewal fails: " + e.err.Error()
		why = e.err.Error()
	}
	h := e.held.Load()
	if h == nil {
		s.Err = NoValid + ": " + why
		return s
	}
	leaf := h.leaf()
	s.NotAfter, s.Issuer = leaf.NotAfter, leaf.Issuer.CommonName
	switch {
	case now.After(leaf.NotAfter):
		s.Err = fmt.Sprintf("%s: it ended on %s: %s", NoValid, leaf.NotAfter.Format(time.DateTime), why)
	case now.Before(leaf.NotBefore):
		s.Err = fmt.Sprintf("%s: it begins on %s; is this machine's clock right?", NoValid, leaf.NotBefore.Format(time.DateTime))
	}
	return s
}
