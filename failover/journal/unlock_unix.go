//go:build unix

package journal

import (
	"errors"
	"os"
	"syscall"
)

// release unlocks and closes a file that may still be mapped: the mapping alone would keep the lock.
func release(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}
