package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// sourceOf is where a request comes from, for counting failures: an IPv4 address, or
// the /64 network of an IPv6 one, of which one customer has many. What proxies that we
// trust say of it is believed: the last address in X-Forwarded-For that is not one of
// theirs. Without trust the header says nothing, since anybody can send it.
func sourceOf(r *http.Request, trusted []netip.Prefix) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	addr := peer.Addr().Unmap().WithZone("")
	var path []string
	for _, line := range r.Header.Values("X-Forwarded-For") {
		path = append(path, strings.Split(line, ",")...)
	}
	for i := len(path) - 1; i >= 0 && within(addr, trusted); i-- {
		before, err := netip.ParseAddr(strings.TrimSpace(path[i]))
		if err != nil {
			break
		}
		addr = before.Unmap().WithZone("")
	}
	if addr.Is6() {
		network, _ := addr.Prefix(64) // of an address of 128 bits
		return network.String()
	}
	return addr.String()
}

func within(addr netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}
