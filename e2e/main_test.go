// Package e2e proves the built program against the real world in small: name servers, a
// certificate authority, a resolver that honours TTLs, origins that are killed, a browser.
package e2e

import (
	"os"
	"testing"

	"github.com/failover-dns/failover/e2e/lab"
)

// binary is the program under test; TestMain builds it once.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "failover-e2e-")
	if err != nil {
		panic(err)
	}
	lab.Main(m, func() error {
		binary, err = lab.Build(dir)
		return err
	})
}
