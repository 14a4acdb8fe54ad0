package main

import "math"

// line is a weighted regression of the offset on the time, at the newest sample.
type line struct {
	at                     float64
	offset, offsetSD       float64
	frequency, frequencySD float64
	skew                   float64 // the frequency is believed to be no further off than this
}

// Bounds of what the regression finds where the samples are nearly on a line.
const leastSkew, mostSkew = 1e-12, 1e2

// regress fits a line (regress.c, RGR_FindBestRegression). The larger its weight, the less a sample counts.
func regress(samples []registered, weights []float64) line {
	l := line{at: samples[len(samples)-1].at}
	var total, mean float64
	for i, s := range samples {
		total += 1 / weights[i]
		mean += (s.at - l.at) / weights[i]
	}
	mean /= total
	var sum, moment, inertia float64
	for i, s := range samples {
		arm := s.at - l.at - mean
		sum += s.offset / weights[i]
		moment += s.offset * arm / weights[i]
		inertia += arm * arm / weights[i]
	}
	l.frequency = moment / inertia
	l.offset = sum/total - l.frequency*mean
	var squares float64
	for i, s := range samples {
		residual := l.residual(s)
		squares += residual * residual / weights[i]
	}
	freedom := len(samples) - 2
	variance := squares / float64(freedom)
	slopeSD := math.Sqrt(variance / inertia)
	l.offsetSD = math.Sqrt(variance/total + mean*mean*slopeSD*slopeSD)
	l.frequencySD = min(max(leastSkew, slopeSD), mostSkew)
	l.skew = min(max(leastSkew, slopeSD*student(freedom)), mostSkew)
	return l
}

// residual is by how much a sample is above the line.
func (l line) residual(s registered) float64 { return s.offset - l.offset - l.frequency*(s.at-l.at) }

// runs is how many times in a row samples are on one side of the line.
func runs(samples []registered, l line) int {
	n := 1
	for i := 1; i < len(samples); i++ {
		if l.residual(samples[i-1])*l.residual(samples[i]) <= 0 {
			n++
		}
	}
	return n
}

// tooFewRuns is a number of runs that one in twenty straight lines would not exceed either (A. Wald and
// J. Wolfowitz, Annals of Mathematical Statistics 11(2), 1940, by the normal approximation). With seven samples or fewer
// there is no telling.
func tooFewRuns(samples int) int {
	const oneInTwenty = 1.645
	if samples < 8 {
		return 0
	}
	n := float64(samples)
	return int(n/2 + 1 - oneInTwenty*math.Sqrt(n*(n-2)/(4*(n-1))))
}

// student is the point of Student's t-distribution that one in two thousand exceeds. chrony has 3.5 for
// more than forty degrees of freedom.
func student(freedom int) float64 {
	points := [...]float64{
		636.6, 31.60, 12.92, 8.610, 6.869, 5.959, 5.408, 5.041, 4.781, 4.587,
		4.437, 4.318, 4.221, 4.140, 4.073, 4.015, 3.965, 3.922, 3.883, 3.850,
		3.819, 3.792, 3.768, 3.745, 3.725, 3.707, 3.690, 3.674, 3.659, 3.646,
		3.633, 3.622, 3.611, 3.601, 3.591, 3.582, 3.574, 3.566, 3.558, 3.551,
	}
	if freedom > len(points) {
		return 3.5
	}
	return points[freedom-1]
}
