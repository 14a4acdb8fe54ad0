// Package doctor finds what is wrong with a host's timekeeping. It looks at what the daemon reports and
// at what the system shows in /proc and /sys, changes nothing and asks nobody. Each finding says what is
// wrong, and what to do.
package doctor
