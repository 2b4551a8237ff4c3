// Package sim plays a whole installation in one process and in virtual time: the real controller,
// and models of everything around it that can fail: a provider that loses answers, origins that
// flap, a disk that is full, a process that is killed at the worst moment, people who edit the zone
// at the same time. What happens follows from a seed. Every fact is recorded, and one checker
// decides over the record whether what the product promises was kept; docs/reliability.md lists
// these invariants as I1 to I12.
//
//	go test ./failover/sim                        a few schedules and every named kill point
//	go test ./failover/sim -run TestSim -sims N   more schedules
//	go test ./failover/sim -run TestSim -seed S   one of them again, with its story
//
// All of it is test code.
package sim
