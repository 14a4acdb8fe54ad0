package main

import "math"

// kalman is what is believed of an offset and a frequency at a moment: two means, and their covariances.
type kalman struct {
	at                float64
	offset, frequency float64
	p00, p01, p11     float64
}

// progress is the same at a later moment. The frequency wanders as a random walk whose variance grows by so
// much each second.
func (k kalman) progress(at, wander float64) kalman {
	dt := at - k.at
	return kalman{
		at:        at,
		offset:    k.offset + k.frequency*dt,
		frequency: k.frequency,
		p00:       k.p00 + 2*k.p01*dt + k.p11*dt*dt + wander*dt*dt*dt/3,
		p01:       k.p01 + k.p11*dt + wander*dt*dt/2,
		p11:       k.p11 + wander*dt,
	}
}

// absorb takes in an offset that was measured with so much variance. It returns how likely one farther away
// from what was believed would have been, and how much the measurement counted, from 0 to 1.
func (k *kalman) absorb(offset, noise float64) (likely, weight float64) {
	difference, variance := offset-k.offset, k.p00+noise
	g0, g1 := k.p00/variance, k.p01/variance
	k.offset += g0 * difference
	k.frequency += g1 * difference
	k.p00, k.p01, k.p11 = (1-g0)*k.p00, (1-g0)*k.p01, k.p11-g1*k.p01
	return math.Erfc(math.Abs(difference) / math.Sqrt(2*variance)), 1 - noise/variance
}

// merge is what two say whose errors are independent, of the same moment: each counts by the inverse of its
// covariances.
func (k kalman) merge(l kalman) kalman {
	s00, s01, s11 := k.p00+l.p00, k.p01+l.p01, k.p11+l.p11
	determinant := s00*s11 - s01*s01
	// g is k's covariances by the inverse of the sum.
	g00 := (k.p00*s11 - k.p01*s01) / determinant
	g01 := (k.p01*s00 - k.p00*s01) / determinant
	g10 := (k.p01*s11 - k.p11*s01) / determinant
	g11 := (k.p11*s00 - k.p01*s01) / determinant
	offset, frequency := l.offset-k.offset, l.frequency-k.frequency
	return kalman{
		at:        k.at,
		offset:    k.offset + g00*offset + g01*frequency,
		frequency: k.frequency + g10*offset + g11*frequency,
		p00:       g00*l.p00 + g01*l.p01,
		p01:       g00*l.p01 + g01*l.p11,
		p11:       g10*l.p01 + g11*l.p11,
	}
}

// lastEight are the last measurements of a kind.
type lastEight struct {
	all [8]float64
	n   int
}

func (l *lastEight) add(x float64) {
	l.all[l.n%len(l.all)] = x
	l.n++
}

func (l *lastEight) mean() (sum float64) {
	for _, x := range l.all {
		sum += x
	}
	return sum / float64(len(l.all))
}

func (l *lastEight) variance() (sum float64) {
	mean := l.mean()
	for _, x := range l.all {
		sum += (x - mean) * (x - mean)
	}
	return sum / float64(len(l.all)-1)
}
