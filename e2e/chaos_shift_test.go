package e2e

import (
	numbers "encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// shiftPatches give a program a wall clock of its own: package time adds what a file says, in
// seconds, to what the machine's clock says. The monotonic clock goes on as it does, which is what a
// process sees when somebody sets the clock, and, forwards, when the machine has slept. The file is
// mapped into memory: the runtime itself asks for the time where no system call can be made.
func shiftPatches() []patch {
	const now = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	return []patch{
		{"std:time/time.go", now, now + "\tsec += *wallShift\n"},
		{"std:time/shift_wall.go", "", `package time

import (
	"syscall"
	"unsafe"
)

var wallShift = mapShift()

func mapShift() *int64 {
	name, _ := syscall.Getenv("` + shiftEnv + `")
	file, err := syscall.Open(name, syscall.O_RDONLY, 0)
	if err != nil {
		panic("the shift of the clock: " + name + ": " + err.Error())
	}
	memory, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("the shift of the clock: " + name + ": " + err.Error())
	}
	syscall.Close(file)
	return (*int64)(unsafe.Pointer(&memory[0]))
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
	file *os.File // a number of seconds, as the machine has numbers in memory
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
	file, err := os.Create(c.Path("shift"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	k := &clock{file: file, m: c.m}
	c.m.binary, c.m.env = built, append(c.m.env, shiftEnv+"="+file.Name())
	k.turn(t, 0)
	return k
}

// turn sets the clock to be off by d, at once.
func (k *clock) turn(t *testing.T, d time.Duration) {
	t.Helper()
	seconds := numbers.NativeEndian.AppendUint64(nil, uint64(d/time.Second))
	if _, err := k.file.WriteAt(seconds, 0); err != nil {
		t.Fatal(err)
	}
}

// leap is turn, and waits until the controller has noticed.
func (k *clock) leap(t *testing.T, d time.Duration) {
	t.Helper()
	noticed := k.m.said.next("what was seen so far no longer counts")
	k.turn(t, d)
	k.m.c.hear(t, noticed, "that its clock was set")
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

// hear waits for a word of the program's.
func (c *cell) hear(t *testing.T, word <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-word:
	case <-time.After(long):
		t.Fatalf("the controller never said %s", what)
	}
}

// turned is when a name changed its set last.
func (e *eyes) turned(name string) (at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.turns {
		if t.name == name {
			at = t.at
		}
	}
	return at
}
