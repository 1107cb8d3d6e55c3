package embedded

import "syscall"

// childAttr lets the kernel end the child (with the signal quit) when we are
// killed, keeps the terminal's Ctrl-C from reaching it before we have shut down
// in order, and runs it as cred where given.
func childAttr(cred *syscall.Credential, quit syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: quit, Setpgid: true, Credential: cred}
}
