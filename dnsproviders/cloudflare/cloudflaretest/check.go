package cloudflaretest

import (
	"errors"
	"fmt"
	"slices"
)

// NeverEmpty returns an error for each of the names that in any version since the given one had
// neither A nor AAAA nor CNAME. Names are without final dot.
func (a *API) NeverEmpty(zone string, since int, names ...string) error {
	var errs []error
	for i, v := range a.Versions(zone) {
		for _, name := range names {
			if i >= since && !slices.ContainsFunc(v.Records, func(r Record) bool {
				return r.Name == name && (r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME")
			}) {
				errs = append(errs, fmt.Errorf("version %d, by %s: %s has no address", i, v.By, name))
			}
		}
	}
	return errors.Join(errs...)
}

// Untouched returns an error for each record outside the declared names and types that any version
// since the given one created, changed or deleted, in any field.
func (a *API) Untouched(zone string, since int, declared func(name, rrtype string) bool) error {
	var errs []error
	versions := a.Versions(zone)
	if since >= len(versions) {
		return nil
	}
	want := rest(versions[since].Records, declared)
	for i, v := range versions[since+1:] {
		got := rest(v.Records, declared)
		for id, text := range want {
			if got[id] != text {
				errs = append(errs, fmt.Errorf("version %d, by %s: want %s, got %q", since+1+i, v.By, text, got[id]))
			}
		}
		for id, text := range got {
			if want[id] == "" {
				errs = append(errs, fmt.Errorf("version %d, by %s: created %s", since+1+i, v.By, text))
			}
		}
	}
	return errors.Join(errs...)
}

// rest returns the records that are not declared, whole, by id.
func rest(records []Record, declared func(name, rrtype string) bool) map[string]string {
	out := map[string]string{}
	for _, r := range records {
		if !declared(r.Name, r.Type) {
			out[r.ID] = string(marshal(r))
		}
	}
	return out
}
