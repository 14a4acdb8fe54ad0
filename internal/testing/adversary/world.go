package adversary

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync/atomic"
)

// World is some honest servers and some liars.
type World struct {
	Truth  Truth
	rng    *rand.Rand
	honest []*honest
	liars  []*liar
	told   [kinds]atomic.Int64
}

// NewWorld starts the servers, of which at least one is honest, with the lies of a first turn.
func NewWorld(rng *rand.Rand, honests, liars int) (*World, error) {
	truth, err := NewTruth(rng)
	if err != nil {
		return nil, fmt.Errorf("adversary: %w", err)
	}
	w := &World{Truth: truth, rng: rng}
	for i := range honests {
		h, err := newHonest(i, w.Truth, rng)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("adversary: %w", err), w.Close())
		}
		w.honest = append(w.honest, h)
	}
	for i := range liars {
		l, err := newLiar(fmt.Sprintf("l%d", i), w.Truth, lie{}, &w.told)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("adversary: %w", err), w.Close())
		}
		w.liars = append(w.liars, l)
	}
	w.Turn()
	return w, nil
}

// Turn has every liar tell another lie, and honest servers fall silent or speak again. In every
// second turn the liars conspire; in every third one who told a lie on its own may go on with it,
// so that some lies are long.
func (w *World) Turn() {
	elapsed := w.Truth.Elapsed()
	together := w.draw(kind(w.rng.IntN(int(kinds))))
	together.began = elapsed
	conspiracy := w.rng.IntN(2) == 0
	quiet := w.rng.IntN(4) == 0
	for _, l := range w.liars {
		alone := w.draw(kind(w.rng.IntN(int(kinds))))
		alone.began = elapsed
		switch goesOn := w.rng.IntN(3) == 0; {
		case conspiracy:
			l.become(together)
		case !goesOn:
			l.become(alone)
		}
		quiet = quiet || l.lie.Load().kind == majority
	}
	for _, h := range w.honest {
		h.Set(h.behavior(quiet && w.rng.IntN(4) > 0))
	}
}

// Addresses returns where the servers are, the honest ones first.
func (w *World) Addresses() (addresses []string) {
	for _, h := range w.honest {
		addresses = append(addresses, h.Address())
	}
	for _, l := range w.liars {
		addresses = append(addresses, l.Address())
	}
	return addresses
}

// Told adds to counts how many replies of each kind the liars have sent.
func (w *World) Told(counts map[string]int64) {
	for k := range kinds {
		counts[k.String()] += w.told[k].Load()
	}
}

// Kinds is how many kinds of lies there are.
func Kinds() int { return int(kinds) }

// Close stops the servers.
func (w *World) Close() error {
	var errs []error
	for _, s := range w.servers() {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (w *World) servers() (all []io.Closer) {
	for _, h := range w.honest {
		all = append(all, h)
	}
	for _, l := range w.liars {
		all = append(all, l)
	}
	return all
}
