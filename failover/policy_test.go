package failover

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"
)

var (
	t0    = time.Date(2026, 1, 2, 4, 0, 0, 0, time.UTC)
	rules = Policy{DownAfter: 3 * time.Second, UpAfter: 10 * time.Second, Dwell: 20 * time.Second, Quiet: time.Minute,
		Fresh: 5 * time.Second, FallbackFresh: time.Minute, Addresses: 2, Hosts: 1, Quorum: 2, MaxFailovers: 2}
)

func at(seconds float64) time.Time { return t0.Add(time.Duration(seconds * float64(time.Second))) }

func origin(address string, health Health, when time.Time) Observation {
	o := Observation{Site: "www", Role: RoleOrigin, Vantage: "here", Check: "front", Address: address + ":443", Health: health, At: when}
	if health == Down {
		o.Cause, o.Detail = CauseRefused, "connection refused"
	}
	return o
}

func reference(name string, health Health, when time.Time) Observation {
	return Observation{Role: RoleReference, Vantage: "here", Check: name, Address: name, Health: health, At: when}
}

func ours(health Health, when time.Time) Observation {
	return Observation{Site: "www", Role: RoleFallback, Vantage: "here", Check: "www.example.org.", Address: "198.51.100.7:443", Health: health, At: when, Detail: "seen"}
}

// scene is two references that answer and our own server that is ready.
func scene(when time.Time) []Observation {
	return []Observation{reference("a", Up, when), reference("b", Up, when), ours(Up, when)}
}

func TestJudge(t *testing.T) {
	now := at(100)
	a, b := "192.0.2.1", "192.0.2.2"
	six, ref6 := "2001:db8::1", "[2001:db8:ffff::1]:443"
	anyAddress := rules
	anyAddress.AnyAddress = true
	dual, onlySix := anyAddress, rules
	dual.Quorum6 = 1
	single := dual
	single.Addresses = 1
	onlySix.Quorum, onlySix.Quorum6 = 0, 1
	tests := []struct {
		name   string
		policy Policy
		seen   []Observation
		health Health
		cause  Cause
		blind  bool
	}{
		{"all up", rules, append(scene(now), origin(a, Up, now), origin(b, Up, now)), Up, "", false},
		{"all down", rules, append(scene(now), origin(a, Down, now), origin(b, Down, now)), Down, CauseRefused, false},
		{"one of two down", rules, append(scene(now), origin(a, Up, now), origin(b, Down, now)), Up, CausePartial, false},
		{"one of two down, any", anyAddress, append(scene(now), origin(a, Up, now), origin(b, Down, now)), Down, CauseRefused, false},
		{"one up, other unseen, any", anyAddress, append(scene(now), origin(a, Up, now)), Unknown, "", false},
		{"one down, other unseen", rules, append(scene(now), origin(a, Down, now)), Unknown, "", false},
		{"one up, other unseen", rules, append(scene(now), origin(a, Up, now)), Up, "", false},
		{"one down, other stale", rules, append(scene(now), origin(a, Down, now), origin(b, Down, at(90))), Unknown, "", false},
		{"from the future", rules, append(scene(now), origin(a, Down, at(101)), origin(b, Down, at(101))), Unknown, "", false},
		{"newest wins", rules, append(scene(now), origin(a, Down, at(99)), origin(b, Down, at(99)), origin(a, Up, now), origin(b, Up, now)), Up, "", false},
		{"nothing seen", rules, scene(now), Unknown, "", false},
		{"no reference answers", rules, []Observation{reference("a", Down, now), reference("b", Down, now), ours(Up, now), origin(a, Down, now), origin(b, Down, now)}, Unknown, "", true},
		{"too few references answer", rules, []Observation{reference("a", Up, now), reference("b", Down, now), ours(Up, now), origin(a, Down, now), origin(b, Down, now)}, Unknown, "", true},
		{"a cut of IPv6 alone", dual, append(scene(now), reference(ref6, Down, now), origin(a, Up, now), origin(six, Down, now)), Up, "", false},
		{"a cut of IPv4 alone", dual, []Observation{reference("a", Down, now), reference("b", Down, now), reference(ref6, Up, now), origin(a, Down, now), origin(six, Up, now)}, Up, "", false},
		{"dead at both families", dual, append(scene(now), reference(ref6, Up, now), origin(a, Down, now), origin(six, Down, now)), Down, CauseRefused, false},
		{"dead at IPv4, no IPv6 here", dual, append(scene(now), reference(ref6, Down, now), origin(a, Down, now), origin(six, Down, now)), Down, CauseRefused, false},
		{"a cut of IPv6 alone, IPv4 not looked at yet", dual, append(scene(now), reference(ref6, Down, now), origin(six, Down, now)), Unknown, "", false},
		{"all of the origin is in the family that is cut", single, append(scene(now), reference(ref6, Down, now), origin(six, Down, now)), Unknown, "", true},
		{"IPv6 without references of its own", anyAddress, append(scene(now), origin(a, Up, now), origin(six, Down, now)), Down, CauseRefused, false},
		{"IPv4 without references of its own", onlySix, []Observation{reference(ref6, Down, now), origin(a, Down, now), origin(b, Down, now)}, Unknown, "", true},
		{"references stale", rules, append(scene(at(90)), origin(a, Down, now), origin(b, Down, now)), Unknown, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := tt.policy.Judge(tt.seen, now)
			if v.Health != tt.health || v.Cause != tt.cause || v.Blind != tt.blind {
				t.Errorf("got %s %q blind=%v (%s), want %s %q blind=%v", v.Health, v.Cause, v.Blind, v.Detail, tt.health, tt.cause, tt.blind)
			}
		})
	}
}

func TestFallbackReadiness(t *testing.T) {
	now := at(100)
	tests := []struct {
		name  string
		seen  []Observation
		ready bool
	}{
		{"seen well", []Observation{ours(Up, now)}, true},
		{"seen unwell", []Observation{ours(Down, now)}, false},
		{"seen well too long ago", []Observation{ours(Up, at(30))}, false},
		{"never seen", nil, false},
		{"well through one address, unwell through another", []Observation{ours(Up, now),
			{Role: RoleFallback, Vantage: "here", Check: "www.example.org.", Address: "[2001:db8::7]:443", Health: Down, At: now}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if v := rules.Judge(tt.seen, now); v.FallbackReady != tt.ready {
				t.Errorf("ready = %v (%s), want %v", v.FallbackReady, v.FallbackDetail, tt.ready)
			}
		})
	}
}

func TestSeveralVantagesMustAgree(t *testing.T) {
	now := at(100)
	p := rules
	p.Addresses, p.Quorum = 1, 0
	from := func(vantage string, health Health) Observation {
		o := origin("192.0.2.1", health, now)
		o.Vantage = vantage
		return o
	}
	tests := []struct {
		name string
		seen []Observation
		want Health
	}{
		{"two of three say down", []Observation{from("x", Down), from("y", Down), from("z", Up)}, Down},
		{"one of three says down", []Observation{from("x", Down), from("y", Up), from("z", Up)}, Up},
		{"one each", []Observation{from("x", Down), from("y", Up)}, Unknown},
	}
	for _, tt := range tests {
		if got := p.Judge(tt.seen, now).Health; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// walk looks at the origin once a second, as told by a letter a second: u up, d down, - nothing,
// x references cut off.
func walk(p Policy, s State, script string) (State, []Phase) {
	phases := []Phase{}
	for i, letter := range script {
		now := at(float64(i))
		seen := scene(now)
		switch letter {
		case 'u':
			seen = append(seen, origin("192.0.2.1", Up, now), origin("192.0.2.2", Up, now))
		case 'd':
			seen = append(seen, origin("192.0.2.1", Down, now), origin("192.0.2.2", Down, now))
		case 'x':
			seen = []Observation{ours(Up, now), reference("a", Down, now), reference("b", Down, now), origin("192.0.2.1", Down, now), origin("192.0.2.2", Down, now)}
		}
		s = p.Next(s, seen, now)
		phases = append(phases, s.Phase)
	}
	return s, phases
}

func TestPhases(t *testing.T) {
	fresh := State{Phase: Primary, Since: t0}
	tests := []struct {
		name, script string
		want         Phase
	}{
		{"well", "uuuuuuuuuu", Primary},
		{"one failure", "uuud", Suspect},
		{"a blip", "uuudduu", Primary},
		{"almost long enough", "uuuddd", Suspect},
		{"long enough", "uuudddd", InFallback},
		{"interrupted failure starts anew", "uuuddduddd", Suspect},
		{"blind all the time", "uuuxxxxxxxxxxxxxxxx", Primary},
		{"blind after suspicion", "uuudxxxxxxxxxx", Suspect},
		{"a gap starts the run anew", "uuudd-------d", Suspect},
		{"nothing seen", "-----------", Primary},
		{"well again", "ddddu", Recovering},
		{"well again, then not", "dddduuuud", InFallback},
		{"well for long, within the dwell", "dddduuuuuuuuuuuuu", Recovering},
		{"well for long, after the dwell", "dddduuuuuuuuuuuuuuuuuuuu", Primary},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if s, phases := walk(rules, fresh, tt.script); s.Phase != tt.want {
				t.Errorf("ends in %s, want %s: %v", s.Phase, tt.want, phases)
			}
		})
	}
}

func TestVetoes(t *testing.T) {
	down := "dddddddd"
	tests := []struct {
		name, script, rule string
		change             func(*State, *Policy)
	}{
		{"held", down, VetoHeld, func(s *State, _ *Policy) { s.Held = true }},
		{"dwell", down, VetoDwell, func(s *State, _ *Policy) { s.Switched = t0 }},
		{"manual recovery", "dddduuuuuuuuuuuuuuuuuuuuuuuuu", VetoManual, func(_ *State, p *Policy) { p.ManualRecovery = true }},
		{"budget", "dddduuuuuuuuuuuuuuuuuuuuuuuuu", VetoBudget, func(_ *State, p *Policy) { p.MaxFailovers = 1 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, p := State{Phase: Primary, Since: t0}, rules
			tt.change(&s, &p)
			s, _ = walk(p, s, tt.script)
			if len(s.Vetoes) != 1 || s.Vetoes[0].Rule != tt.rule || s.Vetoes[0].Message == "" {
				t.Errorf("in %s with vetoes %v, want %s", s.Phase, s.Vetoes, tt.rule)
			}
		})
	}
}

func TestHoldDownGrows(t *testing.T) {
	for failovers, want := range map[int]time.Duration{0: 20 * time.Second, 1: 20 * time.Second, 2: 40 * time.Second, 3: 80 * time.Second, 30: time.Hour} {
		if got := rules.holdDown(State{Failovers: make([]time.Time, failovers)}); got != want {
			t.Errorf("after %d failovers: %v, want %v", failovers, got, want)
		}
	}
	long := Policy{Dwell: 2 * time.Hour}
	if got := long.holdDown(State{Failovers: make([]time.Time, 5)}); got != 2*time.Hour {
		t.Errorf("a dwell over an hour became %v", got)
	}
}

func TestLowFrom(t *testing.T) {
	slow, quick := rrset(www, "A", 3600, "192.0.2.1"), rrset(www, "A", 30, "192.0.2.1")
	tests := []struct {
		name string
		zone ZoneState
		want time.Time
		low  bool
	}{
		{"unknown zone", ZoneState{}, time.Time{}, false},
		{"low by itself", ZoneState{Baseline: []RecordSet{quick}, BaselineAt: at(5)}, at(5), true},
		{"proxied", ZoneState{Baseline: []RecordSet{proxied(slow)}, BaselineAt: at(5)}, at(5), true},
		{"high", ZoneState{Baseline: []RecordSet{slow}, Applied: ToOrigin}, time.Time{}, false},
		{"armed", ZoneState{Baseline: []RecordSet{slow}, Applied: ToArmed, AppliedAt: at(10)}, at(3610), true},
	}
	for _, tt := range tests {
		if got, low := tt.zone.LowFrom(60); low != tt.low || !got.Equal(tt.want) {
			t.Errorf("%s: %v %v, want %v %v", tt.name, got, low, tt.want, tt.low)
		}
	}
}

func TestTarget(t *testing.T) {
	tests := []struct {
		name  string
		state State
		want  Target
	}{
		{"well", State{Phase: Primary}, ToOrigin},
		{"suspect", State{Phase: Suspect}, ToArmed},
		{"failed over", State{Phase: InFallback}, ToFallback},
		{"recovering", State{Phase: Recovering}, ToFallback},
		{"back a moment ago", State{Phase: Primary, TroubleAt: at(-30)}, ToArmed},
		{"armed by hand", State{Phase: Primary, Armed: true}, ToArmed},
		{"back for long", State{Phase: Primary, TroubleAt: at(-90)}, ToOrigin},
	}
	for _, tt := range tests {
		if got := rules.Target(tt.state, t0); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCommands(t *testing.T) {
	ready, notReady := Verdict{Health: Up, FallbackReady: true}, Verdict{Health: Down, FallbackDetail: "no certificate"}
	against := func(rule string) Verdict {
		return Verdict{Health: Up, FallbackReady: true, Against: []Veto{{rule, "as told"}}}
	}
	tests := []struct {
		name    string
		state   State
		command Command
		verdict Verdict
		refused bool
		check   func(State) bool
	}{
		{"trigger", State{Phase: Primary}, Command{Action: Trigger}, ready, false, func(s State) bool { return s.Phase == InFallback && s.Latched }},
		{"trigger, not ready", State{Phase: Primary}, Command{Action: Trigger}, notReady, true, nil},
		{"trigger, not ready, forced", State{Phase: Primary}, Command{Action: Trigger, Force: true}, notReady, false, func(s State) bool { return s.Phase == InFallback && len(s.Overrides) > 0 }},
		{"trigger while recovering", State{Phase: Recovering}, Command{Action: Trigger}, ready, false, func(s State) bool { return s.Phase == InFallback && s.Latched }},
		{"trigger, not ready, the rule overridden", State{Phase: Primary}, Command{Action: Trigger, Override: []string{VetoFallback}}, notReady, false, func(s State) bool { return s.Overridden(VetoFallback) && !s.Overridden(VetoDrift) }},
		{"trigger, not ready, another rule overridden", State{Phase: Primary}, Command{Action: Trigger, Override: []string{VetoDrift}}, notReady, true, nil},
		{"a rule that is none", State{Phase: Primary}, Command{Action: Trigger, Override: []string{"gravity"}}, ready, true, nil},
		{"restore", State{Phase: InFallback, Latched: true}, Command{Action: Restore}, ready, false, func(s State) bool { return s.Phase == Primary && !s.Latched && !s.Held }},
		{"restore to a dead origin", State{Phase: InFallback}, Command{Action: Restore}, notReady, true, nil},
		{"restore to a dead origin, forced", State{Phase: InFallback}, Command{Action: Restore, Force: true}, notReady, false, func(s State) bool { return s.Phase == Primary && s.Held }},
		{"restore, the budget used up", State{Phase: InFallback, Failovers: []time.Time{t0, t0}}, Command{Action: Restore}, ready, true, nil},
		{"restore, the budget used up a day ago", State{Phase: InFallback, Failovers: []time.Time{at(-90000), t0}}, Command{Action: Restore}, ready, false, func(s State) bool { return s.Phase == Primary }},
		{"restore of a switch by hand, the budget used up", State{Phase: InFallback, Latched: true, Failovers: []time.Time{t0, t0}}, Command{Action: Restore}, ready, false, func(s State) bool { return s.Phase == Primary }},
		{"restore, the budget overridden", State{Phase: InFallback, Failovers: []time.Time{t0, t0}}, Command{Action: Restore, Override: []string{VetoBudget}}, ready, false, func(s State) bool { return s.Phase == Primary && !s.Held }},
		{"trigger, the network shared", State{Phase: Primary}, Command{Action: Trigger}, against(VetoNetwork), true, nil},
		{"trigger, the network shared, another rule overridden", State{Phase: Primary}, Command{Action: Trigger, Override: []string{VetoUnable}}, against(VetoNetwork), true, nil},
		{"trigger, the network shared, overridden", State{Phase: Primary}, Command{Action: Trigger, Override: []string{VetoNetwork}}, against(VetoNetwork), false, func(s State) bool { return s.Phase == InFallback }},
		{"trigger, the provider unable", State{Phase: Primary}, Command{Action: Trigger}, against(VetoUnable), true, nil},
		{"trigger, no baseline", State{Phase: Primary}, Command{Action: Trigger}, against(VetoBaseline), true, nil},
		{"trigger, the provider not seen: the wish is kept", State{Phase: Primary}, Command{Action: Trigger}, against(VetoUnseen), false, func(s State) bool { return s.Phase == InFallback }},
		{"hold", State{Phase: Primary}, Command{Action: Hold}, ready, false, func(s State) bool { return s.Held }},
		{"release", State{Phase: Primary, Held: true}, Command{Action: Release}, ready, false, func(s State) bool { return !s.Held }},
		{"nonsense", State{Phase: Primary}, Command{Action: "explode"}, ready, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := rules.Command(tt.state, tt.command, tt.verdict, t0)
			if (err != nil) != tt.refused {
				t.Fatalf("error %v, want refused=%v", err, tt.refused)
			}
			if !tt.refused && !tt.check(s) {
				t.Errorf("state %+v", s)
			}
		})
	}
}

// TestEveryObjectionStopsAutomation: a rule that is broken when the switch is due holds it, by its name.
func TestEveryObjectionStopsAutomation(t *testing.T) {
	for _, rule := range []string{VetoUnseen, VetoBaseline, VetoNetwork, VetoUnable} {
		failing := State{Phase: Suspect, FailingSince: at(0), EvidenceAt: at(99)}
		v := Verdict{Health: Down, Cause: CauseRefused, Until: at(100), Proven: at(100), FallbackReady: true, Against: []Veto{{rule, "as told"}}}
		s := rules.Follow(failing, v, at(100))
		if s.Phase != Suspect || len(s.Vetoes) != 1 || s.Vetoes[0].Rule != rule {
			t.Errorf("%s: phase %s, vetoes %v", rule, s.Phase, s.Vetoes)
		}
		v.Against = nil
		if s = rules.Follow(s, v, at(101)); s.Phase != InFallback || len(s.Vetoes) != 0 {
			t.Errorf("%s is gone: phase %s, vetoes %v", rule, s.Phase, s.Vetoes)
		}
	}
}

// FuzzPolicy drives a policy with random looks and checks what must hold whatever is seen.
func FuzzPolicy(f *testing.F) {
	for _, seed := range [][]byte{[]byte("uuuddddduuuu"), []byte("dddddddddd"), []byte("xxxxddddnnnn"), {0, 1, 2, 3, 250, 251, 252}} {
		f.Add(seed, uint64(1))
	}
	f.Fuzz(func(t *testing.T, script []byte, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := State{Phase: Primary, Since: t0}
		now := t0
		for _, step := range script {
			now = now.Add(time.Duration(step%8) * 700 * time.Millisecond)
			seen := randomLooks(random, step, now)
			before := s
			s = rules.Next(before, seen, now)
			if again := rules.Next(s, seen, now); !reflect.DeepEqual(again, s) {
				t.Fatalf("not idempotent:\n%+v\n%+v", s, again)
			}
			random.Shuffle(len(seen), func(i, k int) { seen[i], seen[k] = seen[k], seen[i] })
			if shuffled := rules.Next(before, seen, now); !reflect.DeepEqual(shuffled, s) {
				t.Fatalf("the order of observations matters:\n%+v\n%+v", s, shuffled)
			}
			checkStep(t, before, s, rules.Judge(seen, now), now)
		}
	})
}

func checkStep(t *testing.T, before, after State, v Verdict, now time.Time) {
	t.Helper()
	if before.Phase.Serving() != after.Phase.Serving() {
		if !before.Switched.IsZero() && now.Sub(before.Switched) < rules.Dwell {
			t.Fatalf("two switches within the dwell: %v and %v", before.Switched, now)
		}
		if after.Phase.Serving() && !v.FallbackReady {
			t.Fatal("switched to a fallback that does not serve the host")
		}
		if len(after.Failovers) > rules.MaxFailovers {
			t.Fatalf("%d failovers in 24 h", len(after.Failovers))
		}
	}
	if v.Health == Unknown && !reflect.DeepEqual(before, after) {
		t.Fatalf("changed while nothing was known:\n%+v\n%+v", before, after)
	}
}

func randomLooks(random *rand.Rand, step byte, now time.Time) []Observation {
	healths := []Health{Up, Down, Unknown}
	pick := func(bias byte) Health {
		if bias&1 == 0 {
			return healths[random.IntN(3)]
		}
		return healths[(bias>>1)&1]
	}
	when := func() time.Time { return now.Add(-time.Duration(random.IntN(7)-1) * time.Second) }
	var seen []Observation
	for range random.IntN(3) {
		seen = append(seen, reference("a", pick(step>>3), when()), reference("b", pick(step>>3), when()))
	}
	for range random.IntN(4) {
		seen = append(seen, origin("192.0.2.1", pick(step>>1), when()), origin("192.0.2.2", pick(step>>1), when()))
	}
	return append(seen, ours(pick(step>>5), when()))
}
