package main

import (
	"io"
	"os"
	"runtime"
)

// loadArgument makes this program one that keeps a processor busy.
const loadArgument = "-as-load"

// startLoad keeps all processors busy, by processes of normal priority.
func startLoad(c *command) {
	for range runtime.NumCPU() {
		load := c.itself(loadArgument)
		input, err := load.StdinPipe()
		if err != nil {
			c.Fatalf("the load: %v", err)
		}
		if err := load.Start(); err != nil {
			c.Fatalf("start the load: %v", err)
		}
		c.Cleanup(func() {
			_ = input.Close()
			_ = load.Wait()
		})
	}
}

// runLoad is such a process. It ends with its standard input.
func runLoad() error {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	//lint:ignore SA5002 that is what it is for
	for {
	}
}
