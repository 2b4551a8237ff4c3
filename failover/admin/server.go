package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Options say where a Server listens and whom it asks.
type Options struct {
	Socket     string      // path; a socket that nobody answers at is replaced
	Mode       fs.FileMode // of the socket; 0600 when 0, 0660 lets a group in
	Controller Controller
	Log        *slog.Logger // nil: nothing is logged
}

// Server is the operator's door. Whoever may write to the socket is an operator.
type Server struct {
	options  Options
	http     *http.Server
	listener net.Listener
	cancel   context.CancelFunc
	served   chan struct{} // closed when Serve has returned
}

// NewServer returns a server that does not listen yet.
func NewServer(o Options) *Server {
	if o.Mode == 0 {
		o.Mode = 0o600
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{options: o, served: make(chan struct{})}
}

// Start listens and serves until Stop. It returns once the socket takes connections.
func (s *Server) Start() error {
	listener, err := listen(s.options.Socket, s.options.Mode)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.listener, s.cancel = listener, cancel
	s.http = &http.Server{
		Handler:           newHandler(s.options),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withPeer,
		ReadHeaderTimeout: 5 * time.Second,
		// No ReadTimeout: it would end the context of a command that takes longer.
		IdleTimeout: time.Minute,
		ErrorLog:    slog.NewLogLogger(s.options.Log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(s.served)
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.options.Log.Error("the operator's door is closed", "error", err)
		}
	}()
	return nil
}

// Stop ends the waiting of every open command (not the changes themselves), removes the socket
// and returns when all requests have ended, or when ctx ends, whichever is first.
func (s *Server) Stop(ctx context.Context) error {
	if s.http == nil {
		return nil
	}
	s.cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	<-s.served
	return err
}

// listen takes the socket. A file that is no socket, and a socket at which somebody answers, are
// left alone.
func listen(path string, mode fs.FileMode) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the operator's door: %w; try: another `socket` in the controller block", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("the operator's door: %w; try: another `socket` in the controller block (at most 107 bytes)", err)
	}
	// Connecting needs write permission, which no usual umask gives to others even before this.
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("the operator's door: %w", err), l.Close())
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the operator's door: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("the operator's door: %s is not a socket; move it away, or set another `socket`", path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
		return fmt.Errorf("a controller already runs at %s; try: failover status, or another `socket`", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("the operator's door: %w; somebody may be using it", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the operator's door: %w", err)
	}
	return nil
}
