// Package simulated has what the worlds of several packages' tests have in common (package
// truetimetest): servers of which one may lie, and a process on a machine that is disturbed again
// and again.
package simulated

import (
	"math/rand/v2"
	"time"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

// Process lives on a machine whose clock it reads. It does nothing while the machine sleeps.
type Process struct {
	*truetimetest.Machine
	Calm bool // nothing new is begun, and the machine is left alone

	world  *truetimetest.World
	rng    *rand.Rand
	links  []truetimetest.Link
	asleep truetime.Time // until then
}

// NewProcess makes a machine that polls the servers every second, and less often those that do not
// answer, and disturbs it every 40 s at most. Its counter drifts as far as is declared.
func NewProcess(world *truetimetest.World, rng *rand.Rand, name string, servers []truetimetest.Link) *Process {
	machine := world.NewMachine(name, truetimetest.MachineConfig{
		Oscillator: truetimetest.Constant([]float64{-200, 0, 200}[rng.IntN(3)]),
		Sources:    servers,
		Poll:       time.Second,
		MaxPoll:    4 * time.Second,
	})
	p := &Process{Machine: machine, world: world, rng: rng, links: servers}
	p.Again(40*time.Second, p.disturb)
	return p
}

// Again has the process do something again and again, at random times, until it is calm.
func (p *Process) Again(most time.Duration, do func()) {
	p.world.In(UpTo(p.rng, most)+1, func() {
		if !p.Calm {
			p.Awake(do)
			p.Again(most, do)
		}
	})
}

// Awake has the process do something as soon as it does not sleep.
func (p *Process) Awake(do func()) {
	if left := p.asleep.Sub(p.world.Now()); left > 0 {
		p.world.In(left+1, func() { p.Awake(do) })
	} else {
		do()
	}
}

// disturb has something happen to the machine.
func (p *Process) disturb() {
	d := UpTo(p.rng, 10*time.Second)
	what := p.rng.IntN(5)
	if what < 3 {
		p.asleep = p.world.Now().Add(d)
	}
	switch what {
	case 0:
		p.Pause(d)
	case 1:
		p.Suspend(d)
	case 2:
		p.Restore(d, true)
	case 3:
		p.Restart() // of the clock, and not of the process
	default:
		for _, l := range p.links {
			p.Cut(l.Server, 4*d)
		}
	}
}

// UpTo returns a duration from 0 to most.
func UpTo(rng *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(most) + 1))
}
