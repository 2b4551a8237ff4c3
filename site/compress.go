package site

import (
	"bytes"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// Levels of compression. When a data centre dies a thousand pages are made at once; brotli's best
// level takes 25 times as long as this one (15 ms and 35 MB a page) to save 200 bytes of 2,500.
const (
	gzipLevel   = 6
	brotliLevel = 5
)

// compressor lends out encoders, which are costly to make.
type compressor struct{ gzip, brotli sync.Pool }

// encoder is what both encoders can do.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

func newCompressor() *compressor {
	return &compressor{
		gzip: sync.Pool{New: func() any {
			w, err := gzip.NewWriterLevel(io.Discard, gzipLevel)
			if err != nil {
				panic(err) // no such level
			}
			return w
		}},
		brotli: sync.Pool{New: func() any { return brotli.NewWriterLevel(io.Discard, brotliLevel) }},
	}
}

// compress returns the text as gzip (RFC 1952) and as brotli (RFC 7932).
func (c *compressor) compress(text []byte) (gz, br []byte, err error) {
	if gz, err = encode(&c.gzip, text); err != nil {
		return nil, nil, err
	}
	br, err = encode(&c.brotli, text)
	return gz, br, err
}

func encode(pool *sync.Pool, text []byte) ([]byte, error) {
	w := pool.Get().(encoder)
	defer pool.Put(w)
	var out bytes.Buffer
	w.Reset(&out)
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
