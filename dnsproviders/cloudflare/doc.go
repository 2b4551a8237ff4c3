// Package cloudflare moves names at Cloudflare's DNS API: one small client of our own for the
// switch, and the libdns client, put behind the same budget and the same time-outs, for ACME records.
//
// A switch is three calls: the names are read, one batch is posted, the names are read again. The
// batch is one transaction of Cloudflare's database, so a Replace is whole or not at all there;
// from the database to the edge each record travels by itself, within seconds.
//
// How a record becomes part of a [failover.RecordSet]:
//
//   - Record.Opaque is the record's JSON as the API gave it, unknown fields included. A restore
//     sends all of it back that can be written: content or data, ttl, proxied, comment, tags,
//     settings. A record that had to be deleted on the way (A to CNAME, an AAAA that went) is
//     created again with all of these, but under a new id and with a new created_on.
//   - A proxied set has TTL 1. A DNS-only record with "ttl": 1, automatic, is answered with 300 by
//     Cloudflare's nameservers, so the set says 300; a restore sends 1 again.
//   - Where the records of one set differ, the set takes the lowest TTL (RFC 2181 section 5.2): a set
//     of which a part was lowered is then not taken for one that is as it was. It is proxied if any
//     record is, as Cloudflare treats it. A restore gives each record its own values back.
//
// A token needs two permissions, limited to the zones concerned: Zone / DNS / Edit and
// Zone / Zone / Read. The token for ACME may be another one with the same permissions.
package cloudflare
