// Package fallback is the web server that is always on. It answers for failed-over sites with
// 503, Retry-After and the maintenance page, straight from memory, over HTTP and HTTPS.
//
// Whatever the controller does, the server goes on with the last table that [Server.Publish]
// gave it: one atomic pointer is read for a page, and no lock, disk or database is touched.
//
// What a request gets depends on its host alone, never on its method or path (but for
// [StatusPath], [ReadyPath] and [HealthPath]):
//
//   - a host whose origin came back: whatever the origin answers, whose addresses are the only
//     place a request can be handed on to, and the page if it does not;
//   - a failed-over host: 503 with the page in the reader's language, or with an RFC 9457
//     problem for clients that prefer JSON;
//   - another host of ours: a plain 503 that says that the site is not served here;
//   - any other host: 421 (RFC 9110 section 15.5.20) and no page of anyone's.
//
// Limits. /robots.txt of a failed-over host answers 503 as everything does, which makes crawlers
// pause; a copy of the origin's own file would be better after some days. A CORS preflight
// (OPTIONS) gets the 503 too, so scripts of other origins see a network error. There is no
// HTTP/3 and no Alt-Svc, so that visitors leave as soon as the origin is back. Requests are handed
// on over HTTP/1.1, and an origin that answers before it has the whole request may be cut short for
// visitors who speak HTTP/1.1, too.
//
// Subpackage certs holds the certificates.
package fallback
