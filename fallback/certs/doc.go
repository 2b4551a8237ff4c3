// Package certs obtains, keeps and renews the fallback's certificates, long before they are
// needed. A visitor whose browser has seen HSTS (RFC 6797) cannot pass a bad certificate, so
// without a valid one the fallback does not exist for the most loyal users.
//
// Each host has one certificate, by ACME (RFC 8555) and DNS-01 alone: the other challenges ask
// the very address that is the origin's while all is well. Key and chain lie in one file per
// host, replaced by rename and synced, so no crash leaves one without the other. At start every
// file is read and nothing is asked of the network; a CA that is down for weeks is no more than
// a status and a log line.
//
// The ACME protocol is spoken by acmez, the library below certmagic, and the challenge records
// are set and awaited by certmagic's DNS-01 solver. certmagic's own management is left out: it
// replaces key and certificate one after the other, gives up after 30 days, hides Retry-After,
// and may ask its questions on standard input.
//
// Limits. There is one CA; a second one in order is the next step. Renewal information (ARI, RFC
// 9773) is used to say what a renewal replaces, not polled for early revocation. A deeper name below a wildcard
// host ("a.b.example.org" below "*.example.org") is served with the wildcard's certificate, which
// browsers accept for one label only. OCSP stapling is off: CAs have ended it.
package certs
