package cloudflaretest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// list answers a listing: filters, order, page.
func (a *API) list(r *http.Request, z *zone) answer {
	page, p := pageOf(r, 100, 1, 5000000)
	if p != nil {
		return failure(p)
	}
	q := r.URL.Query()
	var found []Record
	for _, rec := range z.visible() {
		if rec.matches(q) {
			found = append(found, rec)
		}
	}
	slices.SortStableFunc(found, func(x, y Record) int {
		order := x.compare(y, q.Get("order"))
		if q.Get("direction") == "desc" {
			return -order
		}
		return order
	})
	part, info := paginate(a.shown(found), page)
	return success(part, info)
}

func (a *API) one(z *zone, id string) answer {
	for _, rec := range z.visible() {
		if rec.ID == id {
			return success(a.shown([]Record{rec})[0], nil)
		}
	}
	return failure(&problem{Code: 81044, Message: "Record does not exist.", status: 404})
}

// shown returns records as they are shown to readers.
func (a *API) shown(records []Record) []Record {
	out := slices.Clone(records)
	if a.behaviour.FinalDots {
		for i := range out {
			out[i].Name += "."
		}
	}
	return out
}

func (r Record) compare(o Record, order string) int {
	switch order {
	case "name":
		return cmp.Compare(r.Name, o.Name)
	case "content":
		return cmp.Compare(r.Content, o.Content)
	case "ttl":
		return cmp.Compare(r.TTL, o.TTL)
	default:
		return cmp.Compare(r.Type, o.Type)
	}
}

// matches applies the filters of a query.
func (r Record) matches(q url.Values) bool {
	comment := ""
	if r.Comment != nil {
		comment = *r.Comment
	}
	any, all := false, true
	for key, values := range q {
		hit, known := r.filter(key, values[0], comment)
		if known {
			any, all = any || hit, all && hit
		}
	}
	if q.Get("match") == "any" {
		return any
	}
	return all
}

func (r Record) filter(key, want, comment string) (hit, known bool) {
	field, op, _ := strings.Cut(key, ".")
	switch field {
	case "name":
		return test(op, r.Name, strings.TrimSuffix(want, ".")), true
	case "content":
		return test(op, r.Content, want), true
	case "comment":
		if op == "absent" || op == "present" {
			return (comment == "") == (op == "absent"), true
		}
		return test(op, comment, want), true
	case "type":
		return strings.EqualFold(r.Type, want), true
	case "proxied":
		return strconv.FormatBool(r.Proxied) == want, true
	}
	return false, false
}

func test(op, have, want string) bool {
	have, want = strings.ToLower(have), strings.ToLower(want)
	switch op {
	case "contains":
		return strings.Contains(have, want)
	case "startswith":
		return strings.HasPrefix(have, want)
	case "endswith":
		return strings.HasSuffix(have, want)
	default:
		return have == want
	}
}

// page is a part of a listing.
type page struct{ number, size int }

func pageOf(r *http.Request, size, least, most int) (page, *problem) {
	p := page{1, size}
	for key, target := range map[string]*int{"page": &p.number, "per_page": &p.size} {
		if text := r.URL.Query().Get(key); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return p, wrong(1004, "Invalid %s.", key)
			}
			*target = n
		}
	}
	if p.size < least || p.size > most {
		return p, wrong(1004, "Invalid per_page: must be between %d and %d.", least, most)
	}
	return p, nil
}

func paginate[T any](all []T, p page) ([]T, *resultInfo) {
	from := min(len(all), (p.number-1)*p.size)
	part := append([]T{}, all[from:min(len(all), from+p.size)]...)
	return part, &resultInfo{Page: p.number, PerPage: p.size, Count: len(part), TotalCount: len(all),
		TotalPages: (len(all) + p.size - 1) / p.size}
}
