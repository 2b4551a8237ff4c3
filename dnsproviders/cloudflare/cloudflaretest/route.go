package cloudflaretest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// carryOut does what a call asks for.
func (a *API) carryOut(r *http.Request, body []byte) answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	token, p := a.authenticate(r)
	if p != nil {
		return failure(p)
	}
	path, found := strings.CutPrefix(r.URL.Path, Base)
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case !found:
	case path == "/user/tokens/verify" && r.Method == http.MethodGet:
		return verifyToken(token)
	case parts[0] == "zones" && len(parts) == 1 && r.Method == http.MethodGet:
		return a.listZones(r, token)
	case parts[0] == "zones" && len(parts) >= 2:
		return a.inZone(r, token, parts[1:], body)
	}
	return failure(&problem{Code: 7000, Message: "No route for that URI", status: 404})
}

func (a *API) authenticate(r *http.Request) (Token, *problem) {
	value, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return Token{}, &problem{Code: 6003, Message: "Invalid request headers",
			Chain: []problem{{Code: 6111, Message: "Invalid format for Authorization header"}}}
	}
	i := slices.IndexFunc(a.tokens, func(t Token) bool { return t.Value == value })
	switch {
	case i < 0 && strings.HasSuffix(r.URL.Path, "/user/tokens/verify"):
		return Token{}, &problem{Code: 1000, Message: "Invalid API Token", status: http.StatusUnauthorized}
	case i < 0:
		return Token{}, &problem{Code: 9109, Message: "Invalid access token", status: http.StatusForbidden}
	}
	return a.tokens[i], nil
}

func (t Token) active() bool { return t.Status == "" || t.Status == "active" }

func (t Token) sees(z *zone) bool {
	return t.active() && (len(t.Zones) == 0 || slices.Contains(t.Zones, z.name))
}

func denied() answer {
	return failure(&problem{Code: 10000, Message: "Authentication error", status: http.StatusForbidden})
}

func verifyToken(t Token) answer {
	result := map[string]any{"id": "ed17574386854bf78a67040be0a770b0", "status": "active"}
	if t.Status != "" {
		result["status"] = t.Status
	}
	if !t.ExpiresOn.IsZero() {
		result["expires_on"] = t.ExpiresOn.UTC().Format(time.RFC3339)
	}
	return success(result, nil)
}

func (a *API) listZones(r *http.Request, t Token) answer {
	page, p := pageOf(r, 20, 5, 50)
	if p != nil {
		return failure(p)
	}
	q := r.URL.Query()
	name := strings.ToLower(strings.TrimSuffix(q.Get("name"), "."))
	all := []any{}
	for _, z := range a.zones {
		if t.sees(z) && (name == "" || name == z.name) && (q.Get("status") == "" || q.Get("status") == "active") {
			all = append(all, z.describe(t))
		}
	}
	part, info := paginate(all, page)
	return success(part, info)
}

// describe shows a zone as the API does.
func (z *zone) describe(t Token) map[string]any {
	permissions := []string{"#zone:read", "#dns_records:read"}
	if !t.ReadOnly {
		permissions = append(permissions, "#dns_records:edit")
	}
	return map[string]any{
		"id": z.id, "name": z.name, "status": "active", "paused": false, "type": "full", "development_mode": 0,
		"name_servers": []string{"ns1.cloudflare.example", "ns2.cloudflare.example"}, "original_name_servers": nil,
		"original_registrar": nil, "original_dnshost": nil, "created_on": z.created, "modified_on": z.created,
		"activated_on": z.created, "owner": map[string]any{"id": someID, "type": "user", "name": "Test"},
		"account": map[string]any{"id": someID, "name": "Test"}, "meta": map[string]any{"step": 2, "page_rule_quota": 3},
		"permissions": permissions,
	}
}

const someID = "00000000000000000000000000000000"

// inZone serves a zone and its records; parts begin with the zone's id.
func (a *API) inZone(r *http.Request, t Token, parts []string, body []byte) answer {
	i := slices.IndexFunc(a.zones, func(z *zone) bool { return z.id == parts[0] })
	if i < 0 {
		return failure(&problem{Code: 7003, status: 404,
			Message: "Could not route to " + r.URL.Path + ", perhaps your object identifier is invalid?"})
	}
	z := a.zones[i]
	if !t.sees(z) || t.ReadOnly && r.Method != http.MethodGet {
		return denied()
	}
	switch {
	case len(parts) == 1 && r.Method == http.MethodGet:
		return success(z.describe(t), nil)
	case len(parts) >= 2 && len(parts) <= 3 && parts[1] == "dns_records":
		return a.dnsRecords(r, z, strings.Join(parts[2:], ""), body)
	}
	return failure(&problem{Code: 7000, Message: "No route for that URI", status: 404})
}

// dnsRecords serves the records; id is empty for the collection.
func (a *API) dnsRecords(r *http.Request, z *zone, id string, body []byte) answer {
	if r.Method == http.MethodGet {
		if id == "" {
			return a.list(r, z)
		}
		return a.one(z, id)
	}
	if r.Header.Get("Content-Type") != "application/json" && r.Method != http.MethodDelete {
		return failure(wrong(9207, "Content-type must be application/json."))
	}
	d := a.draft(z)
	result, p := d.serve(r.Method, id, body)
	if p != nil {
		return failure(p)
	}
	by := r.Method
	if id == "batch" {
		by += " batch"
	}
	a.commit(z, by, d.records)
	return success(result, nil)
}

// serve carries a write out in the draft.
func (d *draft) serve(method, id string, body []byte) (any, *problem) {
	if method == http.MethodPost && id == "batch" {
		b, p := decode[batchBody](body)
		if p != nil {
			return nil, p
		}
		if n := len(b.Deletes) + len(b.Patches) + len(b.Puts) + len(b.Posts); n > 200 {
			return nil, wrong(1004, "DNS Validation Error: a batch of %d records, 200 are allowed on this plan", n)
		}
		return second(d.batch(b))
	}
	if method == http.MethodDelete && id != "" {
		r, p := d.remove(id)
		return map[string]string{"id": r.ID}, p
	}
	f, p := decode[fields](body)
	switch {
	case p != nil:
		return nil, p
	case method == http.MethodPost && id == "":
		return second(d.create(f))
	case method == http.MethodPatch && id != "":
		return second(d.patch(id, f))
	case method == http.MethodPut && id != "":
		return second(d.overwrite(id, f))
	}
	return nil, &problem{Code: 7001, Message: "Method not allowed for this endpoint.", status: 405}
}

func second[T any](v T, p *problem) (any, *problem) { return v, p }
