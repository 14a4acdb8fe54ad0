//go:build !linux

package main

import "errors"

var errElsewhere = errors.New("this takes Linux: its kernel's stamps are what the paths are measured by")

func runNetwork() error { return errElsewhere }

func prefer(int) error { return errElsewhere }

func notQuiet() string { return "" }

type steering struct{}

func readSteering() steering { return steering{} }

func (steering) until(steering) string { return "" }
