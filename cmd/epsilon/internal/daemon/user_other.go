//go:build !unix

package daemon

import "errors"

func (i *identity) become() error {
	if i == nil {
		return nil
	}
	return errors.New("this system has no users that a process could become: leave user out of the configuration")
}
