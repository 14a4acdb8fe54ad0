package vdso

import (
	"errors"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// code makes a function of machine code. It stays for as long as the process, as the vDSO does.
func code(t testing.TB, instructions ...[]byte) uintptr {
	t.Helper()
	memory, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	require.NoError(t, err)
	at := memory[:0]
	for _, i := range instructions {
		at = append(at, i...)
	}
	if err := unix.Mprotect(memory, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		t.Skipf("this machine lets nobody write code: %v", err)
	}
	return uintptr(unsafe.Pointer(&memory[0]))
}

func little(i int32) []byte { return []byte{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)} }

// Instructions that touch the stack at a distance below the return address, and the end of a
// function that gives 7 ns.
var (
	write = func(below int32) []byte {
		return append([]byte{0xc7, 0x84, 0x24}, append(little(-below), little(1)...)...)
	} // MOVL $1, -below(SP)
	probe = func(below int32) []byte { return append([]byte{0x48, 0x83, 0x8c, 0x24}, append(little(-below), 0)...) } // ORQ $0, -below(SP)
	read  = func(below int32) []byte { return append([]byte{0x48, 0x8b, 0x84, 0x24}, little(-below)...) }            // MOVQ -below(SP), AX

	seven = []byte{0x48, 0xc7, 0x06, 0, 0, 0, 0, 0x48, 0xc7, 0x46, 0x08, 7, 0, 0, 0, 0x31, 0xc0, 0xc3} // MOVQ $0, (SI); MOVQ $7, 8(SI); XORL AX, AX; RET
	zero  = []byte{0x48, 0xc7, 0x06, 0, 0, 0, 0, 0x48, 0xc7, 0x46, 0x08, 0, 0, 0, 0, 0x31, 0xc0, 0xc3}
	fails = []byte{0xb8, 0xea, 0xff, 0xff, 0xff, 0xc3} // MOVL $-22, AX; RET
)

// The frame is chosen by what is touched, however it is touched: written, read, or written as it
// was, which no paint shows.
func TestDepthDecidesTheFrame(t *testing.T) {
	const small, large = smallFrame / margin, largeFrame / margin
	for name, touch := range map[string]func(int32) []byte{"write": write, "probe": probe, "read": read} {
		for below, want := range map[int32]int{8: small, 64: small, small - 16: small, small + 64: large, 4096: large, 4096 + 200: large, large - 16: large} {
			got, err := depth(code(t, touch(below), seven))
			require.NoError(t, err, "%s %d", name, below)
			require.Equal(t, want, got, "%s %d below", name, below)
		}
		for _, below := range []int32{large + 64, 2 * large, roomBelow / 2} {
			_, err := depth(code(t, touch(below), seven))
			require.ErrorContains(t, err, "needs more than 5120 bytes of stack", "%s %d", name, below)
		}
	}
}

func TestOpenFallsBackToTheSystemCall(t *testing.T) {
	for want, lookup := range map[string]func() (uintptr, error){
		"by system call: no vDSO":                                       func() (uintptr, error) { return 0, errors.New("no vDSO") },
		"by system call: its code needs more than 5120 bytes of stack":  func() (uintptr, error) { return code(t, write(9000), seven), nil },
		"by system call: its code returns an error":                     func() (uintptr, error) { return code(t, fails), nil },
		"by system call: its code gives no time":                        func() (uintptr, error) { return code(t, zero), nil },
		"by system call: the vDSO is not an ELF image that can be read": func() (uintptr, error) { return find(1 << 12) },
	} {
		c := open(lookup)
		require.Equal(t, want, c.String())
		before, err := systemCall(unix.CLOCK_MONOTONIC_RAW)
		require.NoError(t, err)
		now, err := c.Now(unix.CLOCK_MONOTONIC_RAW)
		require.NoError(t, err)
		require.GreaterOrEqual(t, now, before)
	}
}

// What fails later is read by system call.
func TestCallThatFailsIsASystemCall(t *testing.T) {
	for _, large := range []bool{false, true} {
		c := &Clock{function: code(t, fails), large: large}
		before, err := systemCall(unix.CLOCK_MONOTONIC_RAW)
		require.NoError(t, err)
		now, err := c.Now(unix.CLOCK_MONOTONIC_RAW)
		require.NoError(t, err)
		require.GreaterOrEqual(t, now, before)
	}
}

// Code that uses all that its frame is meant for spoils nothing of its caller's, on stacks of any
// depth.
func TestFramesHoldWhatWasMeasured(t *testing.T) {
	for _, c := range []struct {
		large bool
		below int32
	}{{false, smallFrame/margin - 16}, {true, largeFrame/margin - 16}} {
		clock := &Clock{function: code(t, write(8), write(c.below), probe(c.below), seven), large: c.large}
		var descend func(int) uint64
		descend = func(left int) uint64 {
			local := [4]uint64{uint64(left), 1, 2, 3}
			if now, err := clock.Now(0); err != nil || now != 7 {
				t.Errorf("%d, %v", now, err)
			}
			sum := local[0] + local[1] + local[2] + local[3]
			if left > 0 {
				sum += descend(left - 1)
			}
			return sum
		}
		const levels = 2000
		done := make(chan uint64)
		go func() { done <- descend(levels) }() // on a stack that begins at its smallest
		require.EqualValues(t, levels*(levels+1)/2+6*(levels+1), <-done)
	}
}
