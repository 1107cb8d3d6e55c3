//go:build !linux

package embedded

import "syscall"

// childAttr keeps the terminal's Ctrl-C from reaching the child before we have
// shut down in order, and runs it as cred where given. There is no way here to
// have the kernel end the child with us: the next start does it.
func childAttr(cred *syscall.Credential, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: cred}
}
