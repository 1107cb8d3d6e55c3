//go:build !linux

package embedded

import "syscall"

// childAttr keeps the terminal's Ctrl-C from reaching the child before we have
// shut down in order, and runs it as cred where given.
func childAttr(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}
