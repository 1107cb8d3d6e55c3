// Package publicnet keeps connections to what anybody could reach, for URLs that come
// from whoever writes journeys and mails: the program that calls them stands inside the
// operator's network. It is looked at when the connection is made, for the very address
// it is made to: whatever a name resolved to before does not count.
package publicnet

import (
	"net/netip"
	"syscall"
)

// Refusal says why an address is not connected to. It does not say the address: what a
// name is inside the operator's network is nobody's business.
type Refusal string

func (r Refusal) Error() string { return string(r) }

const (
	NotPublic Refusal = "the URL does not lead to a public address"
	WrongPort Refusal = "only ports 80 and 443 are called"
)

// Dial says what may be connected to.
type Dial struct {
	Loopback bool // this machine, too, on any port: for tests and the demo
}

// Control is a net.Dialer's: it is asked before each connection, after the name was
// resolved.
func (d Dial) Control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return NotPublic
	}
	return d.check(to)
}

// check allows the ports of the web only. A service that listens on all addresses of
// this machine, behind a firewall that keeps others out, has a public address, too: but
// not on these ports, unless it is meant to be asked like this.
func (d Dial) check(to netip.AddrPort) error {
	// A mapped address is the IPv4 address itself. No prefix contains one with a zone.
	ip := to.Addr().Unmap().WithZone("")
	switch {
	case d.Loopback && ip.IsLoopback():
		return nil
	case !public(ip):
		return NotPublic
	case to.Port() != 80 && to.Port() != 443:
		return WrongPort
	}
	return nil
}

// public reports whether an unmapped address is anybody's to reach.
func public(ip netip.Addr) bool {
	if ip.Is6() {
		if nat64.Contains(ip) {
			b := ip.As16()
			return public(netip.AddrFrom4([4]byte(b[12:])))
		}
		if !unicast6.Contains(ip) {
			return false // ::1, fc00::/7, fe80::/10, ff00::/8, …
		}
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.IsValid()
}

var (
	// unicast6 is all that is given to networks (RFC 4291 2.4, IANA's registry).
	unicast6 = netip.MustParsePrefix("2000::/3")
	// nat64 is how a network without IPv4 reaches it (RFC 6052): what counts is the
	// address inside.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// special is what IANA's special-purpose registries (RFC 6890) keep from the public,
// or what leads there.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),        // this network
	netip.MustParsePrefix("10.0.0.0/8"),       // private
	netip.MustParsePrefix("100.64.0.0/10"),    // carriers' NAT
	netip.MustParsePrefix("127.0.0.0/8"),      // loopback
	netip.MustParsePrefix("168.63.129.16/32"), // not special, but an Azure machine's host
	netip.MustParsePrefix("169.254.0.0/16"),   // link-local; clouds' metadata
	netip.MustParsePrefix("172.16.0.0/12"),    // private
	netip.MustParsePrefix("192.0.0.0/24"),     // protocols
	netip.MustParsePrefix("192.0.2.0/24"),     // documentation
	netip.MustParsePrefix("192.88.99.0/24"),   // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),   // private
	netip.MustParsePrefix("198.18.0.0/15"),    // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"),  // documentation
	netip.MustParsePrefix("203.0.113.0/24"),   // documentation
	netip.MustParsePrefix("224.0.0.0/4"),      // multicast
	netip.MustParsePrefix("240.0.0.0/4"),      // reserved; broadcast
	netip.MustParsePrefix("2001::/23"),        // protocols; Teredo
	netip.MustParsePrefix("2001:db8::/32"),    // documentation
	netip.MustParsePrefix("2002::/16"),        // 6to4
	netip.MustParsePrefix("3fff::/20"),        // documentation
}
