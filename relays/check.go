package relays

import (
	"net/netip"
	"regexp"
	"strings"

	"golang.org/x/net/idna"

	"posthorn/internal/fault"
)

// maxRate is above what any one relay takes; it keeps a slip of the finger from
// becoming a number that does not fit.
const maxRate = 100_000

// Longest user name and password, in bytes: what one AUTH PLAIN line may hold.
const maxCredential = 4096

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// normalize trims, fills in defaults and collects everything that is wrong with
// the single fields.
func (in *PutInput) normalize() error {
	var wrong fault.List
	if !validName.MatchString(in.Name) {
		wrong.Add("name", "must be 1 to 64 letters, digits, dots, hyphens or underscores, beginning with a letter or digit")
	}
	host, err := normalizeHost(in.Host)
	if err != nil {
		wrong.Add("host", "%s", err.Error())
	}
	in.Host = host
	if in.Port < 1 || in.Port > 65535 {
		wrong.Add("port", "must be between 1 and 65535, usually 25, 465 or 587")
	}
	switch in.TLS {
	case TLSNone, TLSStartTLS, TLSImplicit:
	default:
		wrong.Add("tls", "must be none, starttls or tls")
	}
	if in.Encoding == "" {
		in.Encoding = EncodingAuto
	}
	if in.Encoding != EncodingAuto && in.Encoding != EncodingQuotedPrintable {
		wrong.Add("encoding", "must be auto or quoted-printable")
	}
	if bad(in.Username) {
		wrong.Add("username", "must not hold line breaks or NUL, nor be longer than %d bytes", maxCredential)
	}
	if in.Password != nil && bad(*in.Password) {
		wrong.Add("password", "must not hold line breaks or NUL, nor be longer than %d bytes", maxCredential)
	}
	if in.Connections == 0 {
		in.Connections = DefaultConnections
	}
	if in.Connections < 1 || in.Connections > MaxConnections {
		wrong.Add("connections", "must be between 1 and %d", MaxConnections)
	}
	if in.RatePerSecond < 0 || in.RatePerSecond > maxRate {
		wrong.Add("rate_per_second", "must be between 0 (no limit) and %d", maxRate)
	}
	return wrong.Err()
}

func (in PutInput) relay() Relay {
	return Relay{Name: in.Name, Host: in.Host, Port: in.Port, TLS: in.TLS, Encoding: in.Encoding, Username: in.Username,
		Connections: in.Connections, RatePerSecond: in.RatePerSecond}
}

// checkLogin looks at what only shows once the password is known.
func checkLogin(r Relay) error {
	switch {
	case r.Username == "" && r.Password != "":
		return fault.Invalidf("username", "is needed with a password")
	case r.Username != "" && r.Password == "":
		return fault.Invalidf("password", "is needed with a user name")
	case r.Password != "" && r.TLS == TLSNone && !r.Loopback():
		return fault.Invalidf("tls", "must be starttls or tls: with none the password would cross the network in the clear")
	}
	return nil
}

func bad(s string) bool { return strings.ContainsAny(s, "\r\n\x00") || len(s) > maxCredential }

type hostError string

func (e hostError) Error() string { return string(e) }

// normalizeHost returns a host name in its ASCII form, or an IP address without
// brackets. Its errors are meant for people.
func normalizeHost(s string) (string, error) {
	if strings.ContainsAny(s, "\r\n\x00") {
		return "", hostError("must not hold line breaks or NUL")
	}
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return "", hostError("is missing")
	case strings.Contains(s, "://"):
		return "", hostError("must be a host name or an IP address, without a scheme such as smtp://")
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return ip.String(), nil
	}
	if strings.Contains(s, ":") {
		return "", hostError("must be without a port: that is a field of its own")
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if validHost(s) { // before idna, which refuses underscores
		return s, nil
	}
	ascii, err := idna.Lookup.ToASCII(s)
	if err != nil || !validHost(ascii) {
		return "", hostError("is not a host name or an IP address")
	}
	return ascii, nil
}

// validHost checks letters, digits, hyphens and underscores (which names inside
// container networks have) in labels of 1 to 63.
func validHost(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
