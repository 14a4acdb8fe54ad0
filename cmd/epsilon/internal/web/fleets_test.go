package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/epsilontime/epsilon/cmd/epsilon/internal/api"
	"github.com/epsilontime/epsilon/cmd/epsilon/internal/fleet"
	"github.com/epsilontime/epsilon/truetime"
)

// scripted is a machine of a fleet as a test wants it. The first one is that whose page is shown.
type scripted struct {
	entry, name  string
	ahead        time.Duration // of true time
	silent       bool          // it never answers
	noAnswer     bool          // its clock has none
	counts       int           // machines
	forgesAgains []int         // machines that it claims to contradict
}

const fleetAge = 20 * time.Minute // how long the fleet has been running

// machines are as many that are right, within some µs.
func machines(n int) []scripted {
	all := make([]scripted, n)
	for i := range all {
		name := fmt.Sprintf("db-%d.example.net", i+1)
		all[i] = scripted{entry: name + ":4461", name: name, ahead: time.Duration(i*37%90-45) * us, counts: n}
	}
	return all
}

func (s scripted) interval(i int) truetime.Interval {
	if s.noAnswer {
		return truetime.Interval{}
	}
	half := time.Duration(200+i*53%300) * us
	return around(s.ahead-half, s.ahead+half)
}

// begin makes a fleet what the host has seen of these machines: the algorithm itself says what follows.
func (h *host) begin(all []scripted) {
	h.status, h.past = ordinary(), minutes(60)
	h.fleet = seen(all)
}

// seen is what the first machine knows when it has asked all others. All others have asked each other before.
func seen(all []scripted) *api.Fleet {
	var entries []string
	for _, s := range all {
		entries = append(entries, s.entry)
	}
	run := func(i int) fleet.Run { return fleet.Run(i + 1) }
	m := fleet.New(fleet.Config{Name: all[0].name, Run: run(0), Peers: entries, Faulty: fleet.Minority, Random: fleet.DefaultRandom, Seed: 1})
	m.Myself(all[0].entry)
	for range 4 {
		m.Round()
		for i, s := range all[1:] {
			i, now := i+1, fleetAge-time.Duration(i)*time.Second/4
			if s.silent {
				m.Unanswered(s.entry, "")
				continue
			}
			r := fleet.Reply{Name: s.name, Run: run(i), Interval: s.interval(i), Machines: s.counts, Faulty: (s.counts - 1) / 2, Complete: true}
			for j, other := range all {
				if i == j || other.silent || s.noAnswer || other.noAnswer {
					continue
				}
				if gap := fleet.Compare(s.interval(i), s.interval(i), other.interval(j)).Gap(); gap != 0 {
					r.Edges = append(r.Edges, fleet.Edge{Machine: fleet.PlaceOf(other.entry), Run: run(j), Gap: gap, Age: time.Duration(3+j) * time.Second})
				}
			}
			for _, j := range s.forgesAgains {
				r.Edges = append(r.Edges, fleet.Edge{Machine: fleet.PlaceOf(all[j].entry), Run: run(j), Gap: time.Hour, Age: time.Second})
			}
			mine := all[0].interval(0)
			m.Answered(s.entry, now, fleet.Exchange{Reply: r, Before: mine, After: truetime.Interval{Earliest: mine.Earliest.Add(180 * us), Latest: mine.Latest.Add(180 * us)},
				RoundTrip: time.Duration(180+i*41%700) * us})
		}
	}
	return &api.Fleet{View: m.View(fleetAge), Listen: []string{"[::]:4461"}}
}

// convicted is a fleet of three of which one is proved wrong.
func convicted() []scripted {
	all := machines(3)
	all[1].ahead = 250 * time.Millisecond
	return all
}

// partition is a fleet of ten: four are together, three are together elsewhere, and each of three has what else can be the matter.
func partition() []scripted {
	all := machines(10)
	for _, i := range []int{2, 5, 8} {
		all[i].ahead += 8 * time.Millisecond
	}
	all[3].silent = true
	all[6].noAnswer = true
	all[9].counts = 9
	return all
}

// large is a fleet of a hundred: two halves of a third, and one that lies to all.
func large() []scripted {
	all := machines(100)
	for i := range 30 {
		all[40+i].ahead -= 40 * time.Millisecond
	}
	all[77].ahead = 3 * time.Second
	all[78].silent = true
	return all
}

// tooMany is a fleet in which everybody says something else.
func tooMany() []scripted {
	all := machines(5)
	for i := range all {
		all[i].ahead = time.Duration(i-2) * 10 * time.Millisecond
	}
	return all
}

// selfWrong is a fleet in which this machine is wrong.
func selfWrong() []scripted {
	all := machines(7)
	all[0].ahead = -90 * time.Second
	return all
}

// hostileFleet has machines that call themselves what does harm, have no spaces on the keyboard, and forge proofs.
func hostileFleet() []scripted {
	all := machines(7)
	all[1].name, all[1].entry = hostileName[:60], hostileName+":4461"
	all[2].entry = strings.Repeat("x", 250) + ":4461"
	all[2].ahead = time.Hour
	all[3].name = "\u202e\u0000reversed\x1b[2J"
	all[4].forgesAgains = []int{0, 1}
	all[5].name = all[0].name
	return all
}

// beginning is a fleet in which nobody has answered yet.
func beginning() []scripted {
	all := machines(4)
	for i := range all {
		all[i].silent = true
	}
	return all
}
