//go:build !linux

package main

func kernelCorrection() (ppm float64, steered bool) { return 0, false }
