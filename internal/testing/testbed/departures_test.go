package testbed

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestDeparturesLeaveWhenTheyAreDueAndInThatOrder(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d := startDepartures(1)
	defer d.release()
	begun := time.Now()
	left := make(chan time.Duration, 10)
	for _, after := range []time.Duration{30, 10, 20, 5, 40} {
		after *= time.Millisecond
		d.add(begun.Add(after), func() {
			if time.Since(begun) < after {
				left <- -after
			}
			left <- after
		})
	}
	for _, want := range []time.Duration{5, 10, 20, 30, 40} {
		require.Equal(t, want*time.Millisecond, <-left, "negative: too early")
	}
}

func TestDeparturesOfOneMomentKeepTheirOrder(t *testing.T) {
	d := startDepartures(1)
	defer d.release()
	left := make(chan int, 100)
	due := time.Now().Add(5 * time.Millisecond)
	for i := range 100 {
		d.add(due, func() { left <- i })
	}
	for i := range 100 {
		require.Equal(t, i, <-left)
	}
}

func TestNoDepartureWaitsForALaterOne(t *testing.T) {
	d := startDepartures(1)
	defer d.release()
	d.add(time.Now().Add(time.Hour), func() { t.Error("it leaves an hour too early") })
	left := make(chan bool)
	d.add(time.Now().Add(time.Millisecond), func() { close(left) })
	select {
	case <-left:
	case <-time.After(2 * time.Minute):
		t.Fatal("it never left")
	}
}

func TestDeparturesEndWithTheirLastUser(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	d := startDepartures(2)
	d.release()
	left := make(chan bool)
	d.add(time.Now(), func() { close(left) })
	<-left // for the other user
	d.add(time.Now().Add(time.Hour), func() { t.Error("it leaves after the end") })
	d.release()
}
