package webhooks

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]error{
		"93.184.216.34:443":           nil,
		"93.184.216.34:80":            nil,
		"93.184.216.34:8443":          wrongPort,
		"93.184.216.34:25":            wrongPort,
		"[2606:2800:220:1::1]:443":    nil,
		"[2606:2800:220:1::1]:6379":   wrongPort,
		"[::ffff:93.184.216.34]:443":  nil,
		"[64:ff9b::5db8:d822]:443":    nil, // 93.184.216.34, from a network without IPv4
		"9.255.255.255:443":           nil,
		"11.0.0.0:443":                nil,
		"100.63.255.255:443":          nil,
		"100.128.0.0:443":             nil,
		"172.15.255.255:443":          nil,
		"172.32.0.0:443":              nil,
		"223.255.255.255:443":         nil,
		"0.0.0.0:80":                  notPublic,
		"0.1.2.3:80":                  notPublic,
		"10.0.0.1:80":                 notPublic,
		"10.255.255.255:443":          notPublic,
		"100.64.0.1:443":              notPublic,
		"100.127.255.255:443":         notPublic,
		"100.100.100.200:80":          notPublic,
		"127.0.0.1:80":                notPublic,
		"127.255.255.254:80":          notPublic,
		"168.63.129.16:80":            notPublic,
		"169.254.169.254:80":          notPublic,
		"172.16.0.1:80":               notPublic,
		"172.31.255.255:80":           notPublic,
		"192.0.0.192:80":              notPublic,
		"192.168.1.1:443":             notPublic,
		"198.18.0.1:443":              notPublic,
		"224.0.0.1:80":                notPublic,
		"239.255.255.255:80":          notPublic,
		"240.0.0.1:80":                notPublic,
		"255.255.255.255:80":          notPublic,
		"[::]:80":                     notPublic,
		"[::1]:80":                    notPublic,
		"[::1%lo]:80":                 notPublic,
		"[::127.0.0.1]:80":            notPublic, // IPv4-compatible
		"[::ffff:127.0.0.1]:80":       notPublic,
		"[::ffff:10.0.0.1]:443":       notPublic,
		"[::ffff:169.254.169.254]:80": notPublic,
		"[::ffff:100.64.0.1]:80":      notPublic,
		"[::ffff:0:7f00:1]:80":        notPublic, // IPv4-translated
		"[64:ff9b::7f00:1]:80":        notPublic, // 127.0.0.1
		"[64:ff9b::a9fe:a9fe]:80":     notPublic, // 169.254.169.254
		"[64:ff9b:1::a00:1]:80":       notPublic,
		"[fc00::1]:443":               notPublic,
		"[fd00:ec2::254]:80":          notPublic,
		"[fe80::1]:443":               notPublic,
		"[fe80::1%eth0]:443":          notPublic,
		"[fec0::1]:443":               notPublic,
		"[ff02::1]:443":               notPublic,
		"[100::1]:443":                notPublic,
		"[2001::1]:443":               notPublic, // Teredo
		"[2001:db8::1]:443":           notPublic,
		"[2002:7f00:1::1]:443":        notPublic, // 6to4 of 127.0.0.1
		"[2002:7f00:1::1%eth0]:443":   notPublic,
		"[3fff::1]:443":               notPublic,
		"[4000::1]:443":               notPublic,
		"no address":                  notPublic,
		"shop.example:443":            notPublic,
	} {
		if got := (addresses{}).control("tcp", address, nil); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

// What tests and the demo are allowed is this machine and nothing else.
func TestLoopbackIsNoMoreThanThat(t *testing.T) {
	t.Parallel()
	a := addresses{loopback: true}
	for _, address := range []string{"127.0.0.1:80", "127.0.0.1:34567", "[::1]:34567", "[::ffff:127.0.0.1]:34567", "93.184.216.34:443"} {
		if err := a.check(netip.MustParseAddrPort(address)); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"10.0.0.1:80", "0.0.0.0:80", "[::]:80", "[fe80::1%lo]:80", "169.254.169.254:80", "93.184.216.34:25"} {
		if a.check(netip.MustParseAddrPort(address)) == nil {
			t.Errorf("%s is called", address)
		}
	}
}
