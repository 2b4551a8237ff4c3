package cloudflaretest

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Version is a zone's content after one write.
type Version struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"` // the call, such as "POST batch", or "hand"
	Records []Record  `json:"records"`
}

// zone is one zone; its versions are its content and its past. The API's lock guards it.
type zone struct {
	id, name string
	created  time.Time
	versions []Version
	stale    int // reads that still see the version before the newest
}

func newID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func (z *zone) records() []Record { return z.versions[len(z.versions)-1].Records }

// visible returns what a read sees, which may lag the last write.
func (z *zone) visible() []Record {
	if z.stale > 0 && len(z.versions) > 1 {
		z.stale--
		return z.versions[len(z.versions)-2].Records
	}
	return z.records()
}

// commit makes records the zone's content.
func (a *API) commit(z *zone, by string, records []Record) {
	now := time.Now().UTC()
	a.edge.schedule(z.name, z.records(), records, now)
	z.versions = append(z.versions, Version{At: now, By: by, Records: records})
	if by != byHand {
		z.stale = a.behaviour.StaleReads
	}
}

const byHand = "hand"

// draft is a zone's content while a write is under way. A failed write is simply dropped.
type draft struct {
	zone    *zone
	records []Record
	now     time.Time
	minTTL  float64
}

func (a *API) draft(z *zone) *draft {
	return &draft{zone: z, records: slices.Clone(z.records()), now: time.Now().UTC().Truncate(time.Microsecond), minTTL: a.minTTL}
}

func (d *draft) find(id string) (int, *problem) {
	i := slices.IndexFunc(d.records, func(r Record) bool { return r.ID == id })
	if i < 0 {
		return 0, &problem{Code: 81044, Message: "Record does not exist.", status: 404}
	}
	return i, nil
}

// writable finds a record that may be changed.
func (d *draft) writable(id string) (int, *problem) {
	i, p := d.find(id)
	if p == nil && d.records[i].readOnly() {
		return 0, wrong(1043, "This record is managed by another product and is read only.")
	}
	return i, p
}

func (d *draft) remove(id string) (Record, *problem) {
	i, p := d.writable(id)
	if p != nil {
		return Record{}, p
	}
	gone := d.records[i]
	d.records = slices.Delete(d.records, i, i+1)
	return gone, nil
}

func (d *draft) create(f fields) (Record, *problem) {
	r := Record{ID: newID(), TTL: 1, CreatedOn: d.now}
	if p := d.write(&r, f); p != nil {
		return Record{}, p
	}
	d.records = append(d.records, r)
	return r, nil
}

// patch changes what is named; overwrite resets what is not.
func (d *draft) patch(id string, f fields) (Record, *problem)     { return d.change(id, f, false) }
func (d *draft) overwrite(id string, f fields) (Record, *problem) { return d.change(id, f, true) }

func (d *draft) change(id string, f fields, reset bool) (Record, *problem) {
	i, p := d.writable(id)
	if p != nil {
		return Record{}, p
	}
	r := d.records[i]
	if reset {
		r = Record{ID: r.ID, TTL: 1, CreatedOn: r.CreatedOn}
	}
	if p := d.write(&r, f); p != nil {
		return Record{}, p
	}
	d.records[i] = r
	return r, nil
}

func (d *draft) write(r *Record, f fields) *problem {
	if p := f.set(r, d.zone.name, d.now); p != nil {
		return p
	}
	r.finish()
	return r.check(d.records, d.minTTL)
}

// batchBody is the body of a batch call.
type batchBody struct {
	Deletes []fields `json:"deletes"`
	Patches []fields `json:"patches"`
	Puts    []fields `json:"puts"`
	Posts   []fields `json:"posts"`
}

// batchResult is its result, each list in the order of the request.
type batchResult struct {
	Deletes []Record `json:"deletes"`
	Patches []Record `json:"patches"`
	Puts    []Record `json:"puts"`
	Posts   []Record `json:"posts"`
}

// batch carries out deletes, patches, puts and posts, in that order.
func (d *draft) batch(body batchBody) (batchResult, *problem) {
	result := batchResult{[]Record{}, []Record{}, []Record{}, []Record{}}
	for _, step := range []struct {
		items []fields
		done  *[]Record
		do    func(id string, f fields) (Record, *problem)
	}{
		{body.Deletes, &result.Deletes, func(id string, _ fields) (Record, *problem) { return d.remove(id) }},
		{body.Patches, &result.Patches, d.patch},
		{body.Puts, &result.Puts, d.overwrite},
		{body.Posts, &result.Posts, func(_ string, f fields) (Record, *problem) { return d.create(f) }},
	} {
		for _, f := range step.items {
			var id string
			if raw, named := f["id"]; named && json.Unmarshal(raw, &id) != nil {
				return batchResult{}, wrong(9207, "Invalid value for field id")
			}
			r, p := step.do(id, f)
			if p != nil {
				p.status = 0 // in a batch everything is the batch's own failure
				return batchResult{}, p
			}
			*step.done = append(*step.done, r)
		}
	}
	return result, nil
}

// Records returns a zone's content.
func (a *API) Records(zone string) []Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	if z := a.named(zone); z != nil {
		return slices.Clone(z.records())
	}
	return nil
}

// Versions returns all contents that a zone ever had, the oldest first.
func (a *API) Versions(zone string) []Version {
	a.mu.Lock()
	defer a.mu.Unlock()
	if z := a.named(zone); z != nil {
		return slices.Clone(z.versions)
	}
	return nil
}

// Put replaces the records of one name and type by hand, as a human or another program would; no
// records remove the set. It does not pass the API's validation. Missing ids, times and data are made up.
func (a *API) Put(zone, name, rrtype string, records ...Record) error {
	return a.byHand(zone, func(old Record) bool { return old.Name == name && old.Type == rrtype }, records)
}

// Load replaces a zone's whole content, by hand.
func (a *API) Load(zone string, records ...Record) error {
	return a.byHand(zone, func(Record) bool { return true }, records)
}

func (a *API) byHand(zone string, replaced func(Record) bool, records []Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	z := a.named(zone)
	if z == nil {
		return fmt.Errorf("cloudflaretest: no zone %s", zone)
	}
	kept := slices.DeleteFunc(slices.Clone(z.records()), replaced)
	now := time.Now().UTC().Truncate(time.Microsecond)
	for _, r := range records {
		if r.ID == "" {
			r.ID = newID()
		}
		if r.CreatedOn.IsZero() {
			r.CreatedOn, r.ModifiedOn = now, now
		}
		if r.TTL == 0 {
			r.TTL = 1
		}
		if structured(r.Type) && len(r.Data) == 0 {
			r.Data = dataOf(r.Type, r.Content)
		}
		r.Name = fullName(r.Name, z.name)
		r.finish()
		kept = append(kept, r)
	}
	a.commit(z, byHand, kept)
	return nil
}

func (a *API) named(name string) *zone {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	i := slices.IndexFunc(a.zones, func(z *zone) bool { return z.name == name })
	if i < 0 {
		return nil
	}
	return a.zones[i]
}
