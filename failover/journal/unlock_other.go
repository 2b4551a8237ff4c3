//go:build !unix

package journal

import "os"

func release(f *os.File) error { return f.Close() }
