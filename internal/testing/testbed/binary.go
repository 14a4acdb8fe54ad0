package testbed

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// requireDaemonsVariable, set to 1, turns a missing binary from a skip into a failure.
const requireDaemonsVariable = "EPSILON_REQUIRE_DAEMONS"

// RequireBinary skips the test unless every named binary is installed, and says which Debian
// package holds the missing ones. With EPSILON_REQUIRE_DAEMONS=1 it fails the test instead.
func RequireBinary(t testing.TB, names ...string) {
	t.Helper()
	var missing []string
	for _, name := range names {
		if _, err := findBinary(name); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if len(missing) == 0 {
		return
	}
	SkipOrFail(t, strings.Join(missing, "; "))
}

// SkipOrFail ends a test that cannot be run here: it is skipped, or fails if daemons are required.
func SkipOrFail(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv(requireDaemonsVariable) == "1" {
		t.Fatalf("testbed: %s (%s=1 forbids skipping)", reason, requireDaemonsVariable)
	}
	t.Skipf("testbed: %s", reason)
}

// findBinary returns the path of a binary, looking also where Debian installs daemons: those
// directories are not in the PATH of an ordinary user.
func findBinary(name string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; %s", name, howToInstall(name))
}

func howToInstall(name string) string {
	switch name {
	case "cc":
		return "apt-get install gcc libc6-dev"
	case "chronyd", "chronyc":
		return "apt-get install chrony"
	case "faketime":
		return "apt-get install faketime"
	case "ip":
		return "apt-get install iproute2"
	case "ntpd", "ntpq":
		return "apt-get install ntpsec"
	case "prometheus", "promtool":
		return "apt-get install prometheus"
	case "qemu-system-x86_64":
		return "apt-get install qemu-system-x86"
	case "qemu-system-aarch64":
		return "apt-get install qemu-system-arm"
	case "setpriv":
		return "apt-get install util-linux"
	case "phc_ctl", "phc2sys", "pmc", "ptp4l":
		return "apt-get install linuxptp"
	}
	return "its Debian package is not known to testbed, try apt-file search bin/" + name
}
