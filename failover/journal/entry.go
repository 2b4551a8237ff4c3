package journal

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"

	"github.com/failover-dns/failover/failover"
)

// version is the first byte of every stored value.
const version = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// encode gives the entry as JSON, sealed.
func encode(entry failover.Entry) ([]byte, error) {
	text, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("site %s: entry %d: %w", entry.Site, entry.Seq, err)
	}
	return seal(text), nil
}

// seal gives: one byte of version, CRC-32C of the text in big endian, the text.
func seal(text []byte) []byte {
	value := binary.BigEndian.AppendUint32([]byte{version}, crc32.Checksum(text, castagnoli))
	return append(value, text...)
}

// unseal returns the text, or says why there is none.
func unseal(value []byte) ([]byte, error) {
	switch {
	case len(value) < 5:
		return nil, fmt.Errorf("too short: %w", failover.ErrDamaged)
	case value[0] != version:
		return nil, fmt.Errorf("version %d is not known to this program: %w", value[0], failover.ErrDamaged)
	case crc32.Checksum(value[5:], castagnoli) != binary.BigEndian.Uint32(value[1:]):
		return nil, fmt.Errorf("wrong checksum: %w", failover.ErrDamaged)
	}
	return value[5:], nil
}

func decode(site string, key, value []byte) (failover.Entry, error) {
	text, err := unseal(value)
	if err != nil {
		return failover.Entry{}, fmt.Errorf("site %s: entry %x: %w", site, key, err)
	}
	var entry failover.Entry
	if err := json.Unmarshal(text, &entry); err != nil {
		return failover.Entry{}, fmt.Errorf("site %s: entry %x: %w: %w", site, key, err, failover.ErrDamaged)
	}
	if entry.Site != site || len(key) != 8 || entry.Seq != binary.BigEndian.Uint64(key) {
		return failover.Entry{}, fmt.Errorf("site %s: entry %x: entry of another place: %w", site, key, failover.ErrDamaged)
	}
	return entry, nil
}
