// Package failover holds the nouns and the rules of an emergency DNS failover: what is
// protected, what was seen, what is decided, what is written to a zone. It does no I/O and
// imports nothing but the standard library; time is always a parameter.
//
// The words, used alike in code, command line, documentation and API:
//
//   - site: what is protected, a set of hosts that move together.
//   - host: one owner name of a site, in one zone.
//   - origin: the server that is protected, known by its own addresses.
//   - fallback: our own web server, which answers for the site while the origin cannot.
//   - reference: a place that is always up, asked to learn whether we ourselves can see.
//   - vantage: one controller's eyes.
//   - observation: one look at an origin, a reference or the fallback.
//   - cause: why a look failed, as a name.
//   - phase: primary, suspect, fallback or recovering.
//   - baseline: the record sets as they were before we touched them.
//   - target: the form the zone should have: origin, armed or fallback.
//   - plan: the record sets before and after, as data.
//   - hold: the operator's hand; automation stands still.
//   - latch: a switch made by hand, which automation does not undo.
//   - veto: a reason why a wanted change does not happen.
//   - entry: one line of the journal; the newest entry of a site is its state.
//   - generation: the number that fences a plan; it only grows.
//
// One path leads from a look to a visitor, and the way back is the same path with the other
// answer: Observation, [Policy.Next], [Journal], [MakePlan], [Zone].
package failover
