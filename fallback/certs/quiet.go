package certs

import (
	"context"
	"log/slog"
	"strings"

	"github.com/mholt/acmez/v3/acme"
)

// demoted returns a logger whose every line is a debug line: acmez reports each step and each
// failure, and the Manager says what matters, once.
func demoted(to *slog.Logger) *slog.Logger { return slog.New(debugOnly{to.Handler()}) }

type debugOnly struct{ slog.Handler }

func (d debugOnly) Enabled(ctx context.Context, _ slog.Level) bool {
	return d.Handler.Enabled(ctx, slog.LevelDebug)
}

func (d debugOnly) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return d.Handler.Handle(ctx, r)
}

func (d debugOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	return debugOnly{d.Handler.WithAttrs(attrs)}
}

func (d debugOnly) WithGroup(name string) slog.Handler { return debugOnly{d.Handler.WithGroup(name)} }

// forACME returns the binding as acmez wants it: people paste the key with padding, or in plain
// base64.
func (e EAB) forACME() acme.EAB {
	key := strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(e.MACKey, "="))
	return acme.EAB{KeyID: e.KeyID, MACKey: key}
}
