// Package cloudflaretest plays Cloudflare's DNS API in memory, for tests: zones, DNS records with
// their filters, pages and validation, the transactional batch, token verification, the rate limit.
// It plays the API's bad days as well (see [Fault] and [Behaviour]), keeps every version that a zone
// ever had together with a log of all calls, so that a checker can prove what must never happen, and
// can answer as the authoritative nameserver of what it holds.
//
// It follows Cloudflare's published description of the API; where that says nothing, such as the
// codes of errors, it follows what the API is known to answer.
package cloudflaretest
