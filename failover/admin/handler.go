package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"github.com/failover-dns/failover/failover"
)

const (
	maxBody    = 64 << 10 // bytes of a request
	maxHistory = 10_000   // entries of an answer
)

type peerKey struct{}

// peer returns who opened the request's connection.
func peer(ctx context.Context) string {
	if by, ok := ctx.Value(peerKey{}).(string); ok {
		return by
	}
	return "operator"
}

// handler translates requests into calls of the controller.
type handler struct {
	controller Controller
	log        *slog.Logger
}

func newHandler(o Options) http.Handler {
	h := &handler{controller: o.Controller, log: o.Log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/sites", answer(h.status))
	mux.HandleFunc("GET /v1/sites/{site}/plan", answer(h.plan))
	mux.HandleFunc("GET /v1/sites/{site}/history", answer(h.history))
	mux.HandleFunc("POST /v1/sites/{site}/check", answer(h.check))
	mux.HandleFunc("POST /v1/sites/{site}/command", h.command)
	mux.HandleFunc("GET /v1/state", h.export)
	mux.HandleFunc("POST /v1/reload", answer(h.reload))
	return mux
}

// answer wraps a call that gives one value or an error.
func answer[T any](call func(*http.Request) (T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := call(r)
		if err != nil {
			wire := toWire(err)
			writeJSON(w, wire.status(), wire)
			return
		}
		writeJSON(w, http.StatusOK, value)
	}
}

// writeJSON ignores the error of the write: whoever would read about it has hung up.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

func (h *handler) status(r *http.Request) ([]failover.SiteStatus, error) {
	return h.controller.Status(r.Context())
}

// export answers with the whole state, or an error; never with a part.
func (h *handler) export(w http.ResponseWriter, r *http.Request) {
	var text bytes.Buffer
	if err := h.controller.Export(r.Context(), &text); err != nil {
		wire := toWire(err)
		writeJSON(w, wire.status(), wire)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = text.WriteTo(w) // whoever would read about an error has hung up
}

func (h *handler) plan(r *http.Request) ([]failover.Plan, error) {
	target := failover.Target(r.FormValue("to"))
	if !slices.Contains([]failover.Target{failover.ToFallback, failover.ToArmed, failover.ToOrigin}, target) {
		return nil, fmt.Errorf("%w: unknown target %q; try: fallback, armed or origin", errRequest, target)
	}
	site, err := h.site(r)
	if err != nil {
		return nil, err
	}
	return h.controller.Plan(r.Context(), site, target)
}

func (h *handler) history(r *http.Request) ([]failover.Entry, error) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%w: n is %q, not a number of entries", errRequest, r.FormValue("n"))
	}
	site, err := h.site(r)
	if err != nil {
		return nil, err
	}
	return h.controller.History(r.Context(), site, min(n, maxHistory))
}

func (h *handler) check(r *http.Request) ([]failover.Observation, error) {
	site, err := h.site(r)
	if err != nil {
		return nil, err
	}
	return h.controller.Check(r.Context(), site)
}

func (h *handler) reload(r *http.Request) (struct{}, error) {
	h.log.Info("reload asked for", "by", peer(r.Context()))
	return struct{}{}, h.controller.Reload(r.Context())
}

// site returns the site of the request's path if the controller has it.
func (h *handler) site(r *http.Request) (string, error) {
	name := r.PathValue("site")
	sites, err := h.controller.Status(r.Context())
	if err != nil {
		return "", err
	}
	known := make([]string, len(sites))
	for i, s := range sites {
		known[i] = s.Site
	}
	if !slices.Contains(known, name) {
		return "", NewUnknownSite(name, known)
	}
	return name, nil
}
