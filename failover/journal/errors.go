package journal

import (
	"errors"
	"fmt"

	"github.com/failover-dns/failover/failover"
)

// Kinds of damage. Errors of these kinds match failover.ErrDamaged too.
var (
	ErrForeign = errors.New("not a journal of this program")
	ErrNewer   = errors.New("written by a newer version of this program")
)

// ErrInUse is matched by errors that say: another process holds the journal.
var ErrInUse = errors.New("another failover process uses it")

// unusable is an error that matches failover.ErrDamaged: a file that cannot be trusted, why, and
// the way out.
type unusable struct {
	path, why, try string
	cause          error
}

func (e *unusable) Error() string {
	return fmt.Sprintf("journal %s: %s; no DNS record is touched until this is put right; try: %s", e.path, e.why, e.try)
}

func (e *unusable) Unwrap() error { return e.cause }

func (e *unusable) Is(target error) bool { return target == failover.ErrDamaged }

const restore = "failover state import --force BACKUP, with the newest backup (the present file is kept beside it)"

func damaged(path, why string, cause error) error {
	var already *unusable
	if errors.As(cause, &already) {
		return cause
	}
	return &unusable{path: path, why: "the journal is damaged: " + why, try: restore, cause: cause}
}

func foreign(path, why string) error {
	return &unusable{path: path, why: why, cause: ErrForeign,
		try: "move that file away if it belongs to something else (controller { data_dir = \"...\" } says where the journal is), or " + restore}
}

func newer(path string, version int) error {
	return &unusable{path: path, cause: ErrNewer,
		why: fmt.Sprintf("it was written by a newer version of failover (format %d; this program knows formats up to %d)", version, format),
		try: "install the newer version again, and there: failover state export"}
}

// broken is what a panic or a memory fault of the store becomes.
type broken struct{ reason any }

func (e *broken) Error() string {
	if _, fault := e.reason.(interface{ Addr() uintptr }); fault {
		return "the mapped file cannot be read: it is shorter than it was, or the disk fails"
	}
	return fmt.Sprintf("the store gave up: %v", e.reason)
}

func isBroken(err error) bool {
	var b *broken
	return errors.As(err, &b)
}
