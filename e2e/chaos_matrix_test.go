package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/miekg/dns"
)

// row is one case of the fault matrix: a fault, how it is brought about, and a run that checks what
// must hold. A row that cannot be driven from outside the binary says why, and where it is tested.
type row struct {
	fault string
	how   string
	run   func(t *testing.T)
	not   string
}

// Names of the matrix' faults, as docs/reliability.md lists them.
const (
	faultLimits    = "rate limits (429)"
	faultReplies   = "answers that are not the API's"
	faultSlow      = "slow API"
	faultLost      = "answer lost after the change"
	faultPartial   = "half a change applied"
	faultStale     = "stale reads"
	faultSteps     = "SIGKILL at a step"
	faultDisk      = "disk full, short write, fsync error"
	faultJournal   = "journal damaged, missing, older"
	faultClock     = "clock jumps, suspend, SIGSTOP"
	faultOrigin    = "origins that are unwell in odd ways"
	faultProvider  = "provider down for long"
	faultNetwork   = "own network cut"
	faultMass      = "many sites down at once"
	faultCA        = "CA down"
	faultCert      = "fallback's certificate unfit"
	faultListener  = "fallback's port taken, firewalled"
	faultReload    = "reload with mistakes"
	faultHuman     = "a human edits in mid-switch"
	faultFight     = "Terraform re-applies the origin"
	faultTwo       = "two controllers on one zone"
	faultHostile   = "hostile visitors"
	faultDowngrade = "upgrade, downgrade while failed over"
)

func matrix() []row {
	return slices.Concat(apiRows(), providerRows(), originRows(), networkRows(), diskRows(), processRows(), readinessRows(), peopleRows(), visitorRows())
}

// Every row of the fault matrix that can be driven from outside, against the built binary. Five run
// at a time, for most of their time is waiting; FAILOVER_ROW picks rows by a part of their name.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	rows, results := matrix(), make([]string, len(matrix()))
	rounds := rowRuns(soak(t, 0))
	next := make(chan int)
	var workers sync.WaitGroup
	for range 5 {
		workers.Go(func() {
			for i := range next {
				results[i] = drive(t, rows[i], rounds)
			}
		})
	}
	for i := range rows {
		next <- i
	}
	close(next)
	workers.Wait()
	t.Log("\n" + table(rows, results))
}

// rowRuns is how often a row runs in a soak of so many kills.
func rowRuns(kills int) int { return max(1, kills/200) }

// drive runs a row and returns its result.
func drive(t *testing.T, r row, rounds int) string {
	name := strings.NewReplacer(" ", "-", ",", "", "'", "", "(", "", ")", "").Replace(r.fault + "/" + r.how)
	switch {
	case r.run == nil:
		return "not driven here: " + r.not
	case !strings.Contains(name, os.Getenv("FAILOVER_ROW")):
		return "not asked for"
	}
	failed, skipped := 0, false
	for range rounds {
		passed := t.Run(name, func(t *testing.T) {
			defer func() { skipped = skipped || t.Skipped() }()
			r.run(t)
		})
		if !passed {
			failed++
		}
	}
	switch {
	case failed > 0:
		return fmt.Sprintf("%d runs, FAILED %d", rounds, failed)
	case skipped:
		return "skipped"
	default:
		return fmt.Sprintf("%d runs, passed", rounds)
	}
}

func table(rows []row, results []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tCASE\tRESULT")
	for i, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", r.fault, r.how, results[i])
	}
	w.Flush()
	return b.String()
}

// The checks themselves must be able to fail.
func TestEyesNotice(t *testing.T) {
	for what, addresses := range map[string][]string{
		"nothing":           {},
		"one of two":        {"192.0.2.1"},
		"a mixture":         {"192.0.2.1", "198.51.100.7"},
		"something strange": {"203.0.113.1"},
	} {
		e := &eyes{now: map[string]string{}, right: []string{"192.0.2.1 192.0.2.2", "198.51.100.7"}}
		e.note("www", answer(t, "192.0.2.2", "192.0.2.1"))
		e.note("www", answer(t, "198.51.100.7"))
		if len(e.doubts.list) != 0 || e.switches("www") != 1 {
			t.Errorf("an exact switch: %d, %v", e.switches("www"), e.doubts.list)
		}
		if e.note("www", answer(t, addresses...)); len(e.doubts.list) == 0 {
			t.Errorf("%s went unnoticed", what)
		}
	}
}

func answer(t *testing.T, addresses ...string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	for _, a := range addresses {
		rr, err := dns.NewRR("www.example.org. 60 A " + a)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	return m
}

// docs/reliability.md lists every row.
func TestReliabilityListsRows(t *testing.T) {
	text, err := os.ReadFile("../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := listed(matrix()); !strings.Contains(string(text), want) {
		t.Errorf("docs/reliability.md does not hold this list:\n%s", want)
	}
}

// listed renders the rows for people, in markdown.
func listed(rows []row) string {
	var b strings.Builder
	b.WriteString("| fault | cases | main promise |\n|---|---|---|\n")
	var faults []string
	cases := map[string][]string{}
	for _, r := range rows {
		if !slices.Contains(faults, r.fault) {
			faults = append(faults, r.fault)
		}
		text := r.how
		if r.run == nil {
			text = "*not driven: " + r.how + " (" + r.not + ")*"
		}
		cases[r.fault] = append(cases[r.fault], text)
	}
	for _, f := range faults {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f, strings.Join(cases[f], " · "), promises()[f])
	}
	return b.String()
}

// promises names the main promise that each fault is about.
func promises() map[string]string {
	return map[string]string{faultLimits: "I10", faultReplies: "I5", faultSlow: "I5", faultLost: "I1", faultPartial: "I3", faultStale: "I1",
		faultSteps: "I1", faultDisk: "I5", faultJournal: "I1", faultClock: "I6, I9", faultOrigin: "I7", faultProvider: "I3", faultNetwork: "I9",
		faultMass: "I9, I10", faultCA: "I2", faultCert: "I2", faultListener: "I2", faultReload: "I1, I12", faultHuman: "I1, I4",
		faultFight: "I7", faultTwo: "I6", faultHostile: "I12", faultDowngrade: "I1"}
}
