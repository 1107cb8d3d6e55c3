package main

import (
	"testing"
	"time"
)

func TestPaceAddsUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		all, first int64
		want       string
	}{
		{1606, 1606, "1,606 mails in 800 ms (2,007 mails/s)"},
		{608, 606, "608 mails: the first 606 in 800 ms (757 mails/s), 2 after a retry"},
	} {
		if got := paceText(tt.all, tt.first, 800*time.Millisecond); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
