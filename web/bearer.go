package web

import (
	"net/http"
	"strings"
)

// bearer takes the key out of an Authorization header (RFC 6750 2.1).
func bearer(header string) (string, bool) {
	scheme, key, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	key = strings.TrimSpace(key)
	return key, key != ""
}

// unauthorized answers a request without a valid key.
func unauthorized(requestID, detail, challenge string) *Problem {
	p := newProblem(requestID, http.StatusUnauthorized, detail)
	p.headers.Set("WWW-Authenticate", challenge)
	return p
}
