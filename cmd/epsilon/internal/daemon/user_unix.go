//go:build unix

package daemon

import (
	"fmt"
	"syscall"
)

// become gives up being root for good: the groups first, since only root can set them. All threads of the
// process are changed (syscall.AllThreadsSyscall in package syscall).
func (i *identity) become() error {
	if i == nil {
		return nil
	}
	if err := syscall.Setgroups([]int{i.gid}); err != nil {
		return fmt.Errorf("cannot give up the groups of root: %w", err)
	}
	if err := syscall.Setgid(i.gid); err != nil {
		return fmt.Errorf("cannot change to group %d: %w", i.gid, err)
	}
	if err := syscall.Setuid(i.uid); err != nil {
		return fmt.Errorf("cannot become user %s: %w", i.name, err)
	}
	if syscall.Setuid(0) == nil {
		return fmt.Errorf("became user %s, and could become root again: refusing to run", i.name)
	}
	return nil
}
