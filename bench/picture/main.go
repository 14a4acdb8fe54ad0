// Command picture draws the picture at the top of the README: a minute and a half in the life of a clock with four
// servers, of which one lies. The clock runs in a simulated world, so that the truth is known.
//
//	go run ./bench/picture > docs/interval.svg
package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"github.com/epsilontime/epsilon/truetime"
	"github.com/epsilontime/epsilon/truetime/truetimetest"
)

func main() {
	if _, err := os.Stdout.Write(draw(live())); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

const (
	span = 90 * time.Second       // what is drawn
	step = 250 * time.Millisecond // between two readings
)

// reading is what the clock answered, relative to true time.
type reading struct{ earliest, latest time.Duration }

// vote is what a source says at the end, relative to true time.
type vote struct {
	name             string
	earliest, latest time.Duration
	liar             bool
}

// live runs the clock.
func live() (readings []reading, votes []vote) {
	world := truetimetest.NewWorld(5)
	var links []truetimetest.Link
	for _, s := range []struct {
		name     string
		behavior truetimetest.Behavior
	}{
		{"a", truetimetest.Honest(150 * time.Microsecond)},
		{"b", truetimetest.Honest(300 * time.Microsecond)},
		{"c", truetimetest.Honest(600 * time.Microsecond)},
		{"liar", truetimetest.Offset(1900*time.Microsecond, 100*time.Microsecond)},
	} {
		links = append(links, truetimetest.Link{Server: world.NewServer(s.name, s.behavior), Path: truetimetest.LAN()})
	}
	machine := world.NewMachine("machine", truetimetest.MachineConfig{
		Oscillator: truetimetest.Constant(60),
		Sources:    links,
		Poll:       8 * time.Second,
	})
	world.Run(2*time.Minute + 3*time.Second) // past the burst with which it starts
	for range int(span/step) + 1 {
		if i, err := machine.Now(); err == nil {
			readings = append(readings, reading{i.Earliest.Sub(world.Now()), i.Latest.Sub(world.Now())})
		}
		world.Run(step)
	}
	for _, s := range machine.Status().Sources {
		votes = append(votes, vote{
			s.Name, s.Interval.Earliest.Sub(world.Now()), s.Interval.Latest.Sub(world.Now()), s.Verdict != truetime.Truechimer,
		})
	}
	return readings, votes
}

// The drawing's measures, in its own units.
const (
	width, height = 860, 330
	left, right   = 64, 600 // of the part over time
	top, bottom   = 30, 290
	most          = 3 * time.Millisecond // at the top; as much below at the bottom
)

func x(at time.Duration) float64 { return left + (right-left)*float64(at)/float64(span) }

func y(offset time.Duration) float64 {
	return (top+bottom)/2. - (bottom-top)/2.*float64(offset)/float64(most)
}

const style = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.faint{fill:#57606a}.band{fill:#0969da;fill-opacity:.25;stroke:#0969da;stroke-width:1.2}
.axis{stroke:#8c959f;stroke-width:1}.truth{stroke:#24292f;stroke-width:1.5;stroke-dasharray:5 4}.vote{stroke:#1a7f37;stroke-width:9}
.liar{stroke:#cf222e;stroke-width:9}.agreed{fill:#0969da;fill-opacity:.25}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.truth{stroke:#e6edf3}.band{fill:#4493f8;stroke:#4493f8}
.agreed{fill:#4493f8}.vote{stroke:#3fb950}.liar{stroke:#f85149}}
</style>
`

func draw(readings []reading, votes []vote) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title">`+"\n", width, height)
	b.WriteString("<title id=\"title\">The interval around true time widens between two polls and narrows at each; three servers outvote one that lies.</title>\n" + style)
	for ms := -3; ms <= 3; ms++ {
		offset := time.Duration(ms) * time.Millisecond
		fmt.Fprintf(&b, `<text class="faint" x="%d" y="%.0f" text-anchor="end">%+d ms</text>`+"\n", left-10, y(offset)+4, ms)
		fmt.Fprintf(&b, `<path class="axis" d="M%d %.1fh-5"/>`+"\n", left, y(offset))
	}
	for at := time.Duration(0); at <= span; at += 15 * time.Second {
		fmt.Fprintf(&b, `<text class="faint" x="%.0f" y="%d" text-anchor="middle">%.0f s</text>`+"\n", x(at), bottom+20, at.Seconds())
	}
	b.WriteString(`<path class="band" d="M`)
	for i, r := range readings {
		fmt.Fprintf(&b, "%.1f %.1f ", x(time.Duration(i)*step), y(r.latest))
	}
	for i := len(readings) - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "%.1f %.1f ", x(time.Duration(i)*step), y(readings[i].earliest))
	}
	b.WriteString("z\"/>\n")
	last := readings[len(readings)-1]
	fmt.Fprintf(&b, `<rect class="agreed" x="%d" y="%.1f" width="%d" height="%.1f"/>`+"\n",
		right+14, y(last.latest), width-right-24, y(last.earliest)-y(last.latest))
	for i, v := range votes {
		at, class := float64(right+50+i*52), "vote"
		if v.liar {
			class = "liar"
		}
		fmt.Fprintf(&b, `<path class="%s" d="M%.0f %.1fV%.1f"/>`+"\n", class, at, y(v.latest), y(v.earliest))
		fmt.Fprintf(&b, `<text x="%.0f" y="%d" text-anchor="middle">%s</text>`+"\n", at, bottom+20, v.name)
	}
	fmt.Fprintf(&b, `<path class="truth" d="M%d %.1fH%d"/>`+"\n", left, y(0), width-10)
	fmt.Fprintf(&b, `<text x="%d" y="18">Now(): Earliest to Latest, around true time</text>`+"\n", left)
	fmt.Fprintf(&b, `<text x="%d" y="18">what each server says at the end</text>`+"\n", right+14)
	b.WriteString("</svg>\n")
	return b.Bytes()
}
