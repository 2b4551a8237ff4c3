package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"go.etcd.io/bbolt"

	"github.com/failover-dns/failover/failover"
)

// Export is a journal as text: the newest entries of every site.
type Export struct {
	Journal string       `json:"journal"` // the journal's ID
	Created time.Time    `json:"created"` // when the journal was made
	At      time.Time    `json:"exportedAt"`
	Sites   []SiteExport `json:"sites"` // sorted by name
}

// SiteExport holds entries of one site, the oldest first, without a gap.
type SiteExport struct {
	Site    string           `json:"site"`
	Entries []failover.Entry `json:"entries"`
}

// Newest returns the newest entry, which is the site's state.
func (s SiteExport) Newest() failover.Entry { return s.Entries[len(s.Entries)-1] }

// Position counts all entries ever appended: of two exports of one journal the one with the higher
// position is the newer, whatever the clock said.
func (e Export) Position() (n uint64) {
	for _, site := range e.Sites {
		n += site.Newest().Seq
	}
	return n
}

const (
	exportFormat  = "failover-journal-export"
	exportVersion = 1
	exportLimit   = 1 << 30 // bytes; no export is larger
)

// envelope is the file: the body and its checksum, SHA-256 in hex of the body without white space.
type envelope struct {
	Format   string          `json:"format"`
	Version  int             `json:"version"`
	Checksum string          `json:"checksum"`
	Body     json.RawMessage `json:"body"`
}

// Export writes the newest entry of every site as JSON.
func (j *Journal) Export(w io.Writer) error { return j.ExportHistory(w, 1) }

// ExportHistory writes the newest n entries of every site as JSON.
func (j *Journal) ExportHistory(w io.Writer, n int) error {
	export, err := j.snapshot(n)
	if err != nil {
		return err
	}
	return export.write(w)
}

// snapshot reads all sites as of one instant.
func (j *Journal) snapshot(n int) (Export, error) {
	export := Export{Journal: j.id, At: time.Now().UTC(), Sites: []SiteExport{}}
	err := j.view(func(tx *bbolt.Tx) error {
		h, err := readHeader(j.path, tx)
		if err != nil {
			return err
		}
		export.Created = h.Created
		for _, site := range siteNames(tx) {
			entries, err := tail(tx, site, max(n, 1))
			if err != nil {
				return err
			}
			export.Sites = append(export.Sites, SiteExport{Site: site, Entries: entries})
		}
		return nil
	})
	return export, err
}

func (e Export) write(w io.Writer) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(envelope{Format: exportFormat, Version: exportVersion, Checksum: checksum(body), Body: body}); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func checksum(compact []byte) string {
	sum := sha256.Sum256(compact)
	return hex.EncodeToString(sum[:])
}

// ReadExport reads and checks an export. An error that matches failover.ErrDamaged says that it is
// not one, or not whole, or was changed, or is of a newer version (ErrNewer).
func ReadExport(r io.Reader) (Export, error) {
	text, err := io.ReadAll(io.LimitReader(r, exportLimit))
	if err != nil {
		return Export{}, fmt.Errorf("export: %w", err)
	}
	var head struct { // of any version
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return Export{}, fmt.Errorf("export: %w: %w", failover.ErrDamaged, err)
	}
	switch {
	case head.Format != exportFormat:
		return Export{}, fmt.Errorf("export: %w: the format is %q and should be %q: %w", failover.ErrDamaged, head.Format, exportFormat, ErrForeign)
	case head.Version > exportVersion:
		return Export{}, fmt.Errorf("export: %w (format %d; this program knows up to %d); use that version: %w", ErrNewer, head.Version, exportVersion, failover.ErrDamaged)
	case head.Version < 1:
		return Export{}, fmt.Errorf("export: %w: no version", failover.ErrDamaged)
	}
	export, err := readBody(text)
	if err != nil {
		return Export{}, fmt.Errorf("export: %w: %w", failover.ErrDamaged, err)
	}
	return export, nil
}

func readBody(text []byte) (Export, error) {
	var file envelope
	if err := strict(text, &file); err != nil {
		return Export{}, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, file.Body); err != nil {
		return Export{}, err
	}
	if sum := checksum(compact.Bytes()); sum != file.Checksum {
		return Export{}, fmt.Errorf("the checksum is wrong: it is cut off, or was changed after it was written")
	}
	var export Export                                                // a next version's fields are passed over, as in the journal; damage shows in the checksum
	if err := json.Unmarshal(compact.Bytes(), &export); err != nil { // compact, as providers' own fields were
		return Export{}, err
	}
	return export, export.check()
}

// strict refuses unknown fields and anything after the value.
func strict(text []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return fmt.Errorf("there is something after the end")
	}
	return nil
}

func (e Export) check() error {
	if id, err := hex.DecodeString(e.Journal); err != nil || len(id) != 16 {
		return fmt.Errorf("journal %q is no journal's id", e.Journal)
	}
	for i, site := range e.Sites {
		if site.Site == "" || len(site.Site) > bbolt.MaxKeySize || i > 0 && site.Site <= e.Sites[i-1].Site {
			return fmt.Errorf("site %q: sites must have names and be sorted", site.Site)
		}
		if n := len(site.Entries); n == 0 || n > Keep {
			return fmt.Errorf("site %s has %d entries, and must have 1 to %d", site.Site, n, Keep)
		}
		for k, entry := range site.Entries {
			if entry.Site != site.Site || entry.Seq == 0 || entry.Seq != site.Entries[0].Seq+uint64(k) {
				return fmt.Errorf("site %s: entry %d of site %q is out of place", site.Site, entry.Seq, entry.Site)
			}
		}
	}
	return nil
}
