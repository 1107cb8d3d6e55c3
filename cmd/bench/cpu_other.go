//go:build !linux

package main

import (
	"syscall"
	"time"
)

// ownCPU is the CPU time this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// familyCPU is measured on Linux only.
func familyCPU(int) time.Duration { return 0 }

// peakMemory is measured on Linux only.
func peakMemory() int64 { return 0 }

func forgetPeakMemory() {}
