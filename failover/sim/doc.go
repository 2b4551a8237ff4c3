// Package sim plays a whole installation in one process and in virtual time: the real controller, and
// models of everything around it that can fail: a provider that loses answers, origins that flap, a disk
// that is full, a process that is killed or stalled at the worst moment, people who edit the zone at the
// same time, an operator, new configurations, a second controller that knows nothing of the first. What
// happens follows from a seed. Every fact is recorded, and one checker decides over the record whether
// what the product promises was kept; docs/reliability.md lists these invariants as I1 to I12.
//
//	go test ./failover/sim                                 a few schedules and every named kill point
//	go test ./failover/sim -run TestSim -sims N -procs P   more schedules, shared among processes
//	go test ./failover/sim -run TestSim -seed S            one of them again, with its story
//	go test ./failover/sim -run xxx -bench .               schedules a minute
//
// The files: schedule, draw, faults, people and reload say what happens; world, machine, look and turn are
// what it happens to; provider, conn and write are the DNS provider; disk and bolt the journal; history and
// story the record; check_* the checker; planted and plants_* show that it can fail.
//
// A seed is worth something only if it is played the same way each time. So a process plays one schedule
// at a time on one processor (the waits that backoff draws come from a source that is the process's), what
// begins at the same instant ends at its own place (see place), and what newer versions of drawing add is
// drawn from a source of its own, so that an old seed goes on to mean what it meant.
//
// All of it is test code.
package sim
