package publicnet

import (
	"net/netip"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]error{
		"93.184.216.34:443":           nil,
		"93.184.216.34:80":            nil,
		"93.184.216.34:8443":          WrongPort,
		"93.184.216.34:25":            WrongPort,
		"[2606:2800:220:1::1]:443":    nil,
		"[2606:2800:220:1::1]:6379":   WrongPort,
		"[::ffff:93.184.216.34]:443":  nil,
		"[64:ff9b::5db8:d822]:443":    nil, // 93.184.216.34, from a network without IPv4
		"9.255.255.255:443":           nil,
		"11.0.0.0:443":                nil,
		"100.63.255.255:443":          nil,
		"100.128.0.0:443":             nil,
		"172.15.255.255:443":          nil,
		"172.32.0.0:443":              nil,
		"223.255.255.255:443":         nil,
		"0.0.0.0:80":                  NotPublic,
		"0.1.2.3:80":                  NotPublic,
		"10.0.0.1:80":                 NotPublic,
		"10.255.255.255:443":          NotPublic,
		"100.64.0.1:443":              NotPublic,
		"100.127.255.255:443":         NotPublic,
		"100.100.100.200:80":          NotPublic,
		"127.0.0.1:80":                NotPublic,
		"127.255.255.254:80":          NotPublic,
		"168.63.129.16:80":            NotPublic,
		"169.254.169.254:80":          NotPublic,
		"172.16.0.1:80":               NotPublic,
		"172.31.255.255:80":           NotPublic,
		"192.0.0.192:80":              NotPublic,
		"192.168.1.1:443":             NotPublic,
		"198.18.0.1:443":              NotPublic,
		"224.0.0.1:80":                NotPublic,
		"239.255.255.255:80":          NotPublic,
		"240.0.0.1:80":                NotPublic,
		"255.255.255.255:80":          NotPublic,
		"[::]:80":                     NotPublic,
		"[::1]:80":                    NotPublic,
		"[::1%lo]:80":                 NotPublic,
		"[::127.0.0.1]:80":            NotPublic, // IPv4-compatible
		"[::ffff:127.0.0.1]:80":       NotPublic,
		"[::ffff:10.0.0.1]:443":       NotPublic,
		"[::ffff:169.254.169.254]:80": NotPublic,
		"[::ffff:100.64.0.1]:80":      NotPublic,
		"[::ffff:0:7f00:1]:80":        NotPublic, // IPv4-translated
		"[64:ff9b::7f00:1]:80":        NotPublic, // 127.0.0.1
		"[64:ff9b::a9fe:a9fe]:80":     NotPublic, // 169.254.169.254
		"[64:ff9b:1::a00:1]:80":       NotPublic,
		"[fc00::1]:443":               NotPublic,
		"[fd00:ec2::254]:80":          NotPublic,
		"[fe80::1]:443":               NotPublic,
		"[fe80::1%eth0]:443":          NotPublic,
		"[fec0::1]:443":               NotPublic,
		"[ff02::1]:443":               NotPublic,
		"[100::1]:443":                NotPublic,
		"[2001::1]:443":               NotPublic, // Teredo
		"[2001:db8::1]:443":           NotPublic,
		"[2002:7f00:1::1]:443":        NotPublic, // 6to4 of 127.0.0.1
		"[2002:7f00:1::1%eth0]:443":   NotPublic,
		"[3fff::1]:443":               NotPublic,
		"[4000::1]:443":               NotPublic,
		"no address":                  NotPublic,
		"shop.example:443":            NotPublic,
	} {
		if got := (Dial{}).Control("tcp", address, nil); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

// What tests and the demo are allowed is this machine and nothing else.
func TestLoopbackIsNoMoreThanThat(t *testing.T) {
	t.Parallel()
	a := Dial{Loopback: true}
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
