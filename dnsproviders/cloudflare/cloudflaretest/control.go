package cloudflaretest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Control returns the doors behind the API's back, for a test that drives another process. Bodies
// and answers are JSON; no token is needed.
//
//	GET    /_test/zones/{zone}/records     the zone's content
//	PUT    /_test/zones/{zone}/records     replaces it by hand; [Record] fields that are missing are made up
//	GET    /_test/zones/{zone}/versions    all contents it ever had
//	PUT    /_test/zones/{zone}/sets/{type}/{name}   replaces one record set by hand; [] removes it
//	GET    /_test/log                      all calls and answers
//	GET    /_test/faults                   the faults that are still to strike
//	POST   /_test/faults                   adds [Fault]s, a list; durations in nanoseconds
//	DELETE /_test/faults                   heals
//	PUT    /_test/behaviour                sets the [Behaviour]
func (a *API) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_test/zones/{zone}/records", func(w http.ResponseWriter, r *http.Request) {
		show(w, a.Records(r.PathValue("zone")))
	})
	mux.HandleFunc("PUT /_test/zones/{zone}/records", take(func(r *http.Request, records []Record) error {
		return a.Load(r.PathValue("zone"), records...)
	}))
	mux.HandleFunc("GET /_test/zones/{zone}/versions", func(w http.ResponseWriter, r *http.Request) {
		show(w, a.Versions(r.PathValue("zone")))
	})
	mux.HandleFunc("PUT /_test/zones/{zone}/sets/{type}/{name}", take(func(r *http.Request, records []Record) error {
		for i := range records {
			records[i].Name, records[i].Type = r.PathValue("name"), r.PathValue("type")
		}
		return a.Put(r.PathValue("zone"), r.PathValue("name"), r.PathValue("type"), records...)
	}))
	mux.HandleFunc("GET /_test/log", func(w http.ResponseWriter, _ *http.Request) { show(w, a.Log()) })
	mux.HandleFunc("GET /_test/faults", func(w http.ResponseWriter, _ *http.Request) { show(w, a.Faults()) })
	mux.HandleFunc("POST /_test/faults", take(func(_ *http.Request, faults []Fault) error { a.Fail(faults...); return nil }))
	mux.HandleFunc("DELETE /_test/faults", func(http.ResponseWriter, *http.Request) { a.Heal() })
	mux.HandleFunc("PUT /_test/behaviour", take(func(_ *http.Request, b Behaviour) error { a.Behave(b); return nil }))
	return mux
}

func show(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(marshal(v), '\n')) // a caller that has gone is no concern of ours
}

func take[T any](do func(*http.Request, T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var v T
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&v)
		if err == nil {
			err = do(r, v)
		}
		if err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		}
	}
}
