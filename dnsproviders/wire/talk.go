package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
)

// question is a message under way.
type question struct {
	index int
	msg   *dns.Msg
	mac   string // of the request's TSIG
}

// talk is one connection and what is asked over it.
type talk struct {
	conn     net.Conn
	datagram bool
	key      *TSIG
	sent     bool
	open     map[uint16]question // by message ID
	answers  []*dns.Msg
}

func (t *talk) run(ms []*dns.Msg) error {
	base := dns.Id()
	for next := 0; next < len(ms) || len(t.open) > 0; {
		if next < len(ms) && len(t.open) < window {
			if err := t.send(ms[next].Copy(), next, base+uint16(next)); err != nil {
				return err
			}
			next++
			continue
		}
		if err := t.receive(); err != nil {
			return err
		}
	}
	return nil
}

func (t *talk) send(m *dns.Msg, index int, id uint16) error {
	m.Id = id
	raw, mac, err := t.pack(m)
	if err != nil {
		return err
	}
	if len(raw) > dns.MaxMsgSize {
		return fmt.Errorf("a message of %d bytes is too long", len(raw))
	}
	if !t.datagram {
		raw = append(binary.BigEndian.AppendUint16(make([]byte, 0, len(raw)+2), uint16(len(raw))), raw...)
	}
	t.open[id] = question{index: index, msg: m, mac: mac}
	t.sent = true
	_, err = t.conn.Write(raw)
	return err
}

func (t *talk) pack(m *dns.Msg) (raw []byte, mac string, err error) {
	if t.key == nil {
		raw, err = m.Pack()
		return raw, "", err
	}
	m.SetTsig(t.key.name, t.key.algorithm, fudge, time.Now().Unix())
	return dns.TsigGenerate(m, t.key.secret, "", false)
}

// receive takes one answer. Datagrams that answer nothing we asked are left out.
func (t *talk) receive() error {
	for {
		raw, err := t.read()
		if err != nil {
			return err
		}
		m := new(dns.Msg)
		err = m.Unpack(raw)
		q, asked := t.open[m.Id]
		if err != nil || !asked || !m.Response || m.Opcode != q.msg.Opcode || !sameQuestion(m, q.msg) {
			if t.datagram {
				continue
			}
			return errors.New("the answer is not one to what was asked")
		}
		if err := t.verify(m, raw, q.mac); err != nil {
			return err
		}
		delete(t.open, m.Id)
		t.answers[q.index] = m
		return nil
	}
}

func (t *talk) read() ([]byte, error) {
	if t.datagram {
		raw := make([]byte, dns.MaxMsgSize)
		n, err := t.conn.Read(raw)
		return raw[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(t.conn, length[:]); err != nil {
		return nil, err
	}
	raw := make([]byte, binary.BigEndian.Uint16(length[:]))
	_, err := io.ReadFull(t.conn, raw)
	return raw, err
}

// verify checks the TSIG of an answer. A refusal may come unsigned: a server that does not know
// the key cannot sign (RFC 8945 section 5.2).
func (t *talk) verify(m *dns.Msg, raw []byte, mac string) error {
	if t.key == nil || refusal(m.Rcode) && (m.IsTsig() == nil || m.IsTsig().MACSize == 0) {
		return nil
	}
	if m.IsTsig() == nil {
		return errors.New("the answer is not signed although the question was")
	}
	err := dns.TsigVerify(raw, t.key.secret, mac, false)
	if err == nil || errors.Is(err, dns.ErrAuth) { // ErrAuth: NOTAUTH, which miekg/dns does not verify
		return nil
	}
	return fmt.Errorf("the signature of the answer: %w", err)
}

func refusal(rcode int) bool {
	switch rcode {
	case dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNotImplemented, dns.RcodeRefused, dns.RcodeNotAuth, dns.RcodeBadVers:
		return true
	}
	return false
}

// sameQuestion tolerates an answer without a question section: refusals may lack it.
func sameQuestion(answer, asked *dns.Msg) bool {
	if len(answer.Question) == 0 {
		return refusal(answer.Rcode) || asked.Opcode == dns.OpcodeUpdate
	}
	a, q := answer.Question[0], asked.Question[0]
	return a.Qtype == q.Qtype && a.Qclass == q.Qclass && dns.CanonicalName(a.Name) == dns.CanonicalName(q.Name)
}
