package daemon

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
)

// identity is a user whom the daemon can become.
type identity struct {
	name     string
	uid, gid int
}

// findUser looks up the user that a configuration names; nil for an empty name, or for whom the process is.
func findUser(name string) (*identity, error) {
	if name == "" {
		return nil, nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("cannot run as user %q: there is no such user on this host; make one, as with \"useradd --system %[1]s\", or change user", name)
	}
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return nil, fmt.Errorf("user %q has no number: %q", name, found.Uid)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return nil, fmt.Errorf("the group of user %q has no number: %q", name, found.Gid)
	}
	if uid == os.Geteuid() {
		return nil, nil
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("cannot run as user %q: only root can become another user; start the daemon as %[1]s, or leave user out", name)
	}
	return &identity{name, uid, gid}, nil
}

// own makes the identity the owner of files that it will go on with, where they are there.
func (i *identity) own(lists ...[]string) error {
	for _, path := range slices.Concat(lists...) {
		if err := i.give(path); err != nil {
			return fmt.Errorf("cannot give what the daemon needs to user %s: %w", i.name, err)
		}
	}
	return nil
}
