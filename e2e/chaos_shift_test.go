package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// shiftPatches give a program a wall clock of its own: package time adds what a file says, in
// seconds, to what the machine's clock says. The monotonic clock goes on as it does, which is what a
// process sees when somebody sets the clock, and, forwards, when the machine has slept.
func shiftPatches() []patch {
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	return []patch{
		{"std:time/time.go", now, now + "\tsec += wallShift()\n"},
		{"std:time/shift_wall.go", "", `package time

import "syscall"

func wallShift() int64 {
	name, _ := syscall.Getenv("` + shiftEnv + `")
	file, err := open(name)
	if err != nil {
		panic("the shift of the clock: " + name + ": " + err.Error())
	}
	var text [24]byte
	n, err := read(file, text[:])
	closefd(file)
	shift, wrong := atoi(text[:max(n, 0)])
	if err != nil || wrong != nil {
		panic("the shift of the clock: " + name + " holds no number of seconds")
	}
	return int64(shift)
}
`},
	}
}

const shiftEnv = "FAILOVER_WALL_SHIFT"

// shifted is the program with a wall clock of its own, built when it is first asked for.
var shifted = sync.OnceValues(func() (string, error) {
	return another(filepath.Dir(binary), "shifted", shiftPatches())
})

// clock is the wall clock that a controller sees.
type clock struct {
	file string
	m    *machine
}

// ownClock gives the world's controller a wall clock of its own, which is right at first. It must be
// called before the controller starts.
func (c *cell) ownClock(t *testing.T) *clock {
	t.Helper()
	built, err := shifted()
	if err != nil {
		t.Fatal(err)
	}
	k := &clock{file: c.Path("shift"), m: c.m}
	c.m.binary, c.m.env = built, append(c.m.env, shiftEnv+"="+k.file)
	k.turn(t, 0)
	return k
}

// turn sets the clock to be off by d, at once.
func (k *clock) turn(t *testing.T, d time.Duration) {
	t.Helper()
	fresh := k.file + ".new"
	if err := os.WriteFile(fresh, []byte(strconv.FormatInt(int64(d/time.Second), 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, k.file); err != nil { // never half a number
		t.Fatal(err)
	}
}

// leap is turn, and waits until the controller has noticed.
func (k *clock) leap(t *testing.T, d time.Duration) {
	t.Helper()
	noticed := k.m.said.next("what was seen so far no longer counts")
	k.turn(t, d)
	select {
	case <-noticed:
	case <-time.After(long):
		t.Fatalf("the controller did not notice that its clock is off by %v", d)
	}
}

const (
	hour = time.Hour
	day  = 24 * hour
	year = 365 * day
)

// off says in words how far a clock is off.
func off(d time.Duration) string {
	direction := "forward"
	if d < 0 {
		direction, d = "back", -d
	}
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{year, "a year"}, {day, "a day"}, {hour, "an hour"}} {
		if d == unit.length {
			return unit.name + " " + direction
		}
	}
	return fmt.Sprint(d, " ", direction)
}
