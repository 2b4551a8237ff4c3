package failover

import (
	"slices"
	"testing"
	"time"
)

func TestWhatASwitchTookAway(t *testing.T) {
	z := ZoneState{Baseline: []RecordSet{rrset(www, "A", 300, "192.0.2.1"), rrset(www, "AAAA", 300, "2001:db8::1"), rrset(www, "HTTPS", 300, "1 .")}}
	z.Taken = z.Takes([]RecordSet{rrset(www, "A", 60, "198.51.100.7")})
	if want := []string{www + " AAAA", www + " HTTPS"}; !slices.Equal(z.Taken, want) {
		t.Fatalf("taken: %v, want %v", z.Taken, want)
	}
	if got := z.Missing([]RecordSet{rrset(www, "A", 300, "192.0.2.1"), rrset(www, "AAAA", 300, "2001:db8::1")}); !slices.Equal(got, []string{www + " HTTPS"}) {
		t.Errorf("missing: %v", got)
	}
	if got := z.Missing(z.Baseline); len(got) != 0 {
		t.Errorf("missing although all is back: %v", got)
	}
}

func TestZoneWithOtherNames(t *testing.T) {
	other := "shop.example.org."
	z := ZoneState{Names: []string{www, other}, Baseline: []RecordSet{rrset(www, "A", 300, "192.0.2.1"), rrset(other, "A", 300, "192.0.2.2")},
		BaselineAt: t0, Applied: ToOrigin, AppliedAt: t0.Add(time.Hour), Lows: []uint32{30}, Fallbacks: []string{"A 198.51.100.7"}}
	if !z.Known() {
		t.Fatal("a whole baseline is not known")
	}
	fresh := z.Renamed([]string{www, "new.example.org."})
	if fresh.Known() || len(fresh.Baseline) != 1 || fresh.Baseline[0].Name != www {
		t.Errorf("baseline %v, known %v: want what stays, to be read again", fresh.Baseline, fresh.Known())
	}
	if fresh.AppliedAt != z.AppliedAt || len(fresh.Lows) != 1 || len(fresh.Fallbacks) != 1 {
		t.Errorf("what we once wrote is forgotten: %+v", fresh)
	}
}
