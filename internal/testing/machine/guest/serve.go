//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// serve obeys the host's requests: lines of a number, a verb and its arguments, answered by lines of
// the same number, "ok" or "error", and what there is to say.
func (g *guest) serve(port *port) error {
	port.writeLine([]byte("0 ok ready"))
	for {
		line, err := port.readLine()
		if err != nil {
			return err
		}
		number, request, _ := strings.Cut(line, " ")
		verb, arguments, _ := strings.Cut(request, " ")
		if verb == "now" { // at once: the host measures how long it takes
			port.writeLine(append([]byte(number+" ok "), g.now()...))
			continue
		}
		if verb == "restart" { // the clock: before anything more is asked of it
			port.writeLine([]byte(number + " " + g.restart(arguments)))
			continue
		}
		go func() {
			said, err := g.obey(verb, arguments)
			if err != nil {
				port.writeLine([]byte(number + " error " + oneLine(err.Error())))
				return
			}
			port.writeLine([]byte(number + " ok " + said))
		}()
	}
}

// restart begins again with a new clock, which allows for pauses of the length given, if any.
func (g *guest) restart(unseen string) string {
	if unseen != "" {
		d, err := time.ParseDuration(unseen)
		if err != nil {
			return "error " + err.Error()
		}
		g.how.unseen = d
	}
	if err := g.keepTime(); err != nil {
		return "error " + oneLine(err.Error())
	}
	return "ok"
}

func oneLine(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ") }

func (g *guest) obey(verb, arguments string) (string, error) {
	first, rest, _ := strings.Cut(arguments, " ")
	switch verb {
	case "read":
		text, err := os.ReadFile(first)
		return oneLine(string(text)), err
	case "write":
		return "", os.WriteFile(first, []byte(rest), 0o644)
	case "sleep":
		// The answer must leave before the machine stops, so the deed comes a little later.
		time.AfterFunc(100*time.Millisecond, func() {
			if err := os.WriteFile("/sys/power/state", []byte(first), 0o644); err != nil {
				fmt.Println("guest: sleep:", err)
			}
		})
		return "", nil
	case "setclock":
		return "", stepClock(first)
	case "setrtc":
		return "", stepRTC(first)
	case "status":
		return encoded(g.status())
	case "epoch":
		return strconv.FormatUint(g.status().Status.Epoch, 10), nil
	case "run":
		return runToEnd(strings.Fields(arguments))
	}
	return "", fmt.Errorf("%q is none of the requests restart, read, write, sleep, setclock, setrtc, status, epoch, run and now", verb)
}

func encoded(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

// stepClock sets the machine's wall clock, off by the step.
func stepClock(step string) error {
	d, err := time.ParseDuration(step)
	if err != nil {
		return err
	}
	to := unix.NsecToTimeval(time.Now().Add(d).UnixNano())
	return unix.Settimeofday(&to)
}

// stepRTC sets the clock that runs on the board, off by the step.
func stepRTC(step string) error {
	d, err := time.ParseDuration(step)
	if err != nil {
		return err
	}
	device, err := os.Open("/dev/rtc0")
	if err != nil {
		return err
	}
	defer device.Close()
	at, err := unix.IoctlGetRTCTime(int(device.Fd()))
	if err != nil {
		return fmt.Errorf("read %s: %w", device.Name(), err)
	}
	to := time.Date(int(at.Year)+1900, time.Month(at.Mon+1), int(at.Mday), int(at.Hour), int(at.Min), int(at.Sec), 0, time.UTC).Add(d)
	return unix.IoctlSetRTCTime(int(device.Fd()), &unix.RTCTime{
		Sec: int32(to.Second()), Min: int32(to.Minute()), Hour: int32(to.Hour()),
		Mday: int32(to.Day()), Mon: int32(to.Month()) - 1, Year: int32(to.Year()) - 1900,
	})
}

// ran is what came of a program.
type ran struct {
	Output string
	Status int
}

// runToEnd runs a program to its end.
func runToEnd(command []string) (string, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = "/tmp"
	output, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return "", err
	}
	return encoded(ran{string(output), cmd.ProcessState.ExitCode()})
}
