package main

import (
	"crypto/x509"
	"fmt"
	"os"
)

// visitorRoots returns the system's roots and those of a PEM file, or nil, which means the
// system's, when there is no file.
func visitorRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("check_roots: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("check_roots: %s holds no PEM certificate", file)
	}
	return pool, nil
}
