package admin

import (
	"context"
	"fmt"
	"net"
	"syscall"
)

// withPeer notes in the connection's context who opened it, as the kernel says (SO_PEERCRED, see
// unix(7)).
func withPeer(ctx context.Context, c net.Conn) context.Context {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := uc.SyscallConn()
	if err != nil {
		return ctx
	}
	var cred *syscall.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil || credErr != nil {
		return ctx
	}
	return context.WithValue(ctx, peerKey{}, fmt.Sprintf("operator uid %d", cred.Uid))
}
