package cloudflaretest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Record is a DNS record as the API shows it. A Record is never changed once it is in a zone;
// a change puts another one in its place.
type Record struct {
	ID                string          `json:"id"`
	Name              string          `json:"name"` // without final dot
	Type              string          `json:"type"`
	Content           string          `json:"content"`
	Data              json.RawMessage `json:"data,omitempty"`
	Priority          *float64        `json:"priority,omitempty"`
	Proxiable         bool            `json:"proxiable"`
	Proxied           bool            `json:"proxied"`
	TTL               float64         `json:"ttl"`
	Settings          json.RawMessage `json:"settings"`
	PrivateRouting    *bool           `json:"private_routing,omitempty"`
	Meta              map[string]any  `json:"meta"`
	Comment           *string         `json:"comment"`
	Tags              []string        `json:"tags"`
	CreatedOn         time.Time       `json:"created_on"`
	ModifiedOn        time.Time       `json:"modified_on"`
	CommentModifiedOn *time.Time      `json:"comment_modified_on,omitempty"`
	TagsModifiedOn    *time.Time      `json:"tags_modified_on,omitempty"`
}

// Bare returns the record without what the API itself maintains: two records with equal Bare forms
// are the same to their owner.
func (r Record) Bare() Record {
	r.ID, r.Meta = "", nil
	r.CreatedOn, r.ModifiedOn, r.CommentModifiedOn, r.TagsModifiedOn = time.Time{}, time.Time{}, nil, nil
	return r
}

func (r Record) readOnly() bool { locked, _ := r.Meta["read_only"].(bool); return locked }

// String renders the record without what the API itself maintains, as JSON.
func (r Record) String() string {
	text, err := json.Marshal(r.Bare())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// problem is an error as the API words it.
type problem struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []problem `json:"error_chain,omitempty"`

	status int // of the answer; 400 if 0
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s", p.Code, p.Message) }

func wrong(code int, format string, args ...any) *problem {
	return &problem{Code: code, Message: fmt.Sprintf(format, args...)}
}

// fields is the body of a write: what is not named is not there.
type fields map[string]json.RawMessage

// set overwrites those fields of the record that are named.
func (f fields) set(r *Record, apex string, now time.Time) *problem {
	r.own()
	for key, target := range map[string]any{"name": &r.Name, "type": &r.Type, "content": &r.Content, "ttl": &r.TTL,
		"proxied": &r.Proxied, "priority": &r.Priority, "data": &r.Data, "settings": &r.Settings,
		"private_routing": &r.PrivateRouting, "comment": &r.Comment, "tags": &r.Tags} {
		raw, named := f[key]
		if !named || key == "content" && structured(r.typeAfter(f)) {
			continue
		}
		if key == "data" && !structured(r.typeAfter(f)) && r.typeAfter(f) != "URI" {
			continue // clients send an empty one along with any type
		}
		if err := json.Unmarshal(raw, target); err != nil {
			return wrong(9207, "Invalid value for field %s", key)
		}
	}
	if _, named := f["comment"]; named {
		r.CommentModifiedOn = &now
	}
	if _, named := f["tags"]; named {
		r.TagsModifiedOn = &now
	}
	r.ModifiedOn = now
	r.Name, r.Type = fullName(r.Name, apex), strings.ToUpper(r.Type)
	return nil
}

// own gives the record copies of all that decoding would write into: other versions share it.
func (r *Record) own() {
	r.Data, r.Settings, r.Tags = slices.Clone(r.Data), slices.Clone(r.Settings), slices.Clone(r.Tags)
	r.Priority, r.PrivateRouting, r.Comment = copied(r.Priority), copied(r.PrivateRouting), copied(r.Comment)
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

func (r *Record) typeAfter(f fields) string {
	rrtype := r.Type
	if raw, named := f["type"]; named {
		_ = json.Unmarshal(raw, &rrtype) // checked where the type itself is set
	}
	return strings.ToUpper(rrtype)
}

// fullName completes a name as the API does: "@" is the apex, a name outside the zone is relative.
func fullName(name, apex string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case name == "@" || name == "":
		return apex
	case name == apex || strings.HasSuffix(name, "."+apex):
		return name
	default:
		return name + "." + apex
	}
}

var structuredTypes = [...]string{"CAA", "CERT", "DNSKEY", "DS", "HTTPS", "LOC", "NAPTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA"}

// structured tells whether a type's content is made from its data.
func structured(rrtype string) bool { return slices.Contains(structuredTypes[:], rrtype) }

// finish fills in what follows from the rest.
func (r *Record) finish() {
	r.Proxiable = r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME"
	if r.Proxied {
		r.TTL = 1
	}
	if len(r.Settings) == 0 || string(r.Settings) == "null" {
		r.Settings = json.RawMessage("{}")
	}
	if r.Tags == nil {
		r.Tags = []string{}
	}
	if r.Meta == nil {
		r.Meta = map[string]any{}
	}
	if r.Comment != nil && *r.Comment == "" {
		r.Comment = nil
	}
	if structured(r.Type) {
		r.Content = contentOf(r.Type, r.Data)
	}
}

// contentOf makes the content of a structured type.
func contentOf(rrtype string, data json.RawMessage) string {
	var d map[string]any
	if json.Unmarshal(data, &d) != nil {
		return ""
	}
	switch rrtype {
	case "CAA":
		return fmt.Sprintf("%v %v %q", d["flags"], d["tag"], d["value"])
	case "HTTPS", "SVCB":
		return strings.TrimSpace(fmt.Sprintf("%v %v %v", d["priority"], d["target"], d["value"]))
	case "SRV":
		return fmt.Sprintf("%v %v %v %v", d["priority"], d["weight"], d["port"], d["target"])
	case "TLSA", "SMIMEA":
		return fmt.Sprintf("%v %v %v %v", d["usage"], d["selector"], d["matching_type"], d["certificate"])
	default:
		return string(data)
	}
}

// dataOf is the way back, for records that a test writes by their content.
func dataOf(rrtype, content string) json.RawMessage {
	parts := strings.SplitN(content, " ", 3)
	if len(parts) < 2 {
		return nil
	}
	parts = append(parts, "")
	switch rrtype {
	case "CAA":
		return marshal(map[string]any{"flags": json.Number(parts[0]), "tag": parts[1], "value": strings.Trim(parts[2], `"`)})
	case "HTTPS", "SVCB":
		return marshal(map[string]any{"priority": json.Number(parts[0]), "target": parts[1], "value": parts[2]})
	default:
		return nil
	}
}

// marshal encodes what is known to be encodable.
func marshal(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("cloudflaretest: %v", err))
	}
	return raw
}
