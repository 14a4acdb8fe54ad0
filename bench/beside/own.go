package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository returns where the source of the module is, of which this has to build a server.
func repository(ctx context.Context) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/epsilontime/epsilon").Output()
	if err != nil {
		return "", fmt.Errorf("find the source of our server: %w; run this with go run, in the repository", err)
	}
	return strings.TrimSpace(string(root)), nil
}

// ownServers are NTP servers of ours which serve the host's clock, as the daemon's does. They are of another
// module, so they are built first.
func ownServers(c *command) (addresses []string) {
	root, err := repository(c.ctx)
	if err != nil {
		c.Fatalf("%v", err)
	}
	program := filepath.Join(c.TempDir(), "hostserver")
	build := exec.CommandContext(c.ctx, "go", "build", "-C", filepath.Join(root, "cmd", "epsilon"), "-o", program, "./internal/ntpserver/hostserver")
	if output, err := build.CombinedOutput(); err != nil {
		c.Fatalf("build our server: %v: %.500s", err, output)
	}
	for range serverCount {
		addresses = append(addresses, startOwnServer(c, program))
	}
	return addresses
}

func startOwnServer(c *command, program string) (address string) {
	server := exec.Command(program)
	server.Stderr = os.Stderr
	input, err := server.StdinPipe() // which ends with this process, however that ends
	if err != nil {
		c.Fatalf("our server: %v", err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		c.Fatalf("our server: %v", err)
	}
	if err := server.Start(); err != nil {
		c.Fatalf("start our server: %v", err)
	}
	c.Cleanup(func() {
		_ = input.Close()
		_ = server.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		c.Fatalf("our server did not start: %v", err)
	}
	_ = prefer(server.Process.Pid) // as it is with chronyd
	return strings.TrimSpace(line)
}
