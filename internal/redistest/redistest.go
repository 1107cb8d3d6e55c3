// Package redistest gives a test a real redis-server of its own.
package redistest

import (
	"context"
	"testing"

	"posthorn/internal/embedded"
)

// New starts a redis-server that ends with the test.
func New(t testing.TB) *embedded.Redis {
	t.Helper()
	r, err := embedded.StartRedis(context.Background(), t.TempDir())
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(r.Stop)
	return r
}
