package lab

import "net/netip"

// Move gives the lab another block of addresses, those of a network that the test has made.
func (l *Lab) Move(first, second, third byte) { l.net = [3]byte{first, second, third} }

// Both says that the network has the lab's addresses of IPv6 as well.
func (l *Lab) Both() { l.both = true }

// Addr6 returns an address of the lab's block in IPv6, which ends like that in IPv4.
func (l *Lab) Addr6(last byte) netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 4: l.net[1], 5: l.net[2], 15: last})
}

// AddrPort6 returns an address of the lab's block in IPv6 with a port.
func (l *Lab) AddrPort6(last byte, port uint16) string {
	return netip.AddrPortFrom(l.Addr6(last), port).String()
}
