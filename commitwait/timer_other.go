//go:build !linux

package commitwait

func openTimer(bool) timer { return newGoTimer() }
