package main

import (
	"fmt"
	"math"
	"time"
)

const (
	sustainedFor = 1500 * time.Millisecond
	halvings     = 10 // of the rate, until nothing is missing
	finer        = 3  // halvings of the interval, on a scale of ratios: to 2^(1/8), 9 %
)

// sustainedMetric finds the highest rate at which a tool misses nothing.
func (b *bench) sustainedMetric(subjects []subject, l load) metric {
	long := sustainedFor / time.Duration(b.shorter)
	return metric{
		name:   "sustained",
		title:  "Highest rate without loss",
		plain:  true, // what two tools reach that miss nothing is the driver's speed
		long:   true,
		native: true, // an emulated machine keeps to no rate
		load:   fmt.Sprintf("%d processes, %s for each rate", rateWorkers, duration(long)),
		text: `Two processes make events as fast as they can, and then, if any was missing, at lower rates, until
the highest (within 9 %) is found of which every event is printed, at default buffers, stdout to a file; the tool
is started anew for each. What the buffer holds may be printed when no more events come, and is part of the rate: of
ours, of 1 MiB, some thousand events a second. The driver's most is how many events a second it made as fast as it could, with the tool
running. Where that is the rate without loss, the tool missed nothing at all, and its own limit is higher. The last column is
how many of the events are missing at twice that rate, or at the driver's most if that is less.`,
		figures: []figure{
			{"no loss at, events/s", count}, {"driver's most", count}, {"missing at twice the rate", scaled(0.01, 1, "%")},
		},
		subjects: subjects,
		measure: func(b *bench, s subject) ([]float64, error) {
			speed, err := b.fastest(s, l)
			if err != nil {
				return nil, err
			}
			found, err := findSustained(func(rate float64) (outcome, error) {
				p := pace{workers: rateWorkers}
				if !math.IsInf(rate, 1) {
					p.rate = max(int(rate), 1)
				}
				p.each = max(int(min(rate, speed)*long.Seconds()/rateWorkers), 1)
				o, err := b.count(s, l, p)
				if err != nil && !s.ours() { // of so many starts one may fail to end
					return b.count(s, l, p)
				}
				return o, err
			})
			return []float64{found.rate, found.most, found.missing}, err
		},
	}
}

// fastest is about how many events a second are made as fast as can be, while a
// tool looks.
func (b *bench) fastest(s subject, l load) (float64, error) {
	t, err := b.startReady(s, tuning{}, l)
	if err != nil {
		return 0, err
	}
	defer t.end()
	many := pace{workers: rateWorkers, each: max(b.overhead/10, l.times(b.overhead/30, 500))}
	began := time.Now()
	err = b.drive(l, many)
	return float64(many.workers*many.each) / time.Since(began).Seconds(), err
}

// sustained is what was found out of a tool.
type sustained struct {
	rate    float64 // events/s of which none was missing; 0: at every rate some were
	most    float64 // events/s, as fast as the driver could
	missing float64 // share of the events at twice the rate, or at most
}

// findSustained halves the rate until nothing is missing, and then goes by smaller
// steps. An infinite rate is as fast as can be.
func findSustained(try func(rate float64) (outcome, error)) (sustained, error) {
	fastest, err := try(math.Inf(1))
	if err != nil {
		return sustained{}, err
	}
	if fastest.missing() == 0 {
		return sustained{rate: fastest.rate, most: fastest.rate}, nil
	}
	asked, bad := 0.0, fastest.rate // what nothing and what something was missing of
	var best outcome
	for range halvings {
		half := bad / 2
		o, err := try(half)
		if err != nil {
			return sustained{}, err
		}
		if o.missing() == 0 {
			asked, best = half, o
			break
		}
		bad = half
	}
	if asked == 0 {
		return sustained{most: fastest.rate, missing: math.NaN()}, nil
	}
	for range finer {
		middle := math.Sqrt(asked * bad)
		o, err := try(middle)
		if err != nil {
			return sustained{}, err
		}
		if o.missing() == 0 {
			asked, best = middle, o
		} else {
			bad = middle
		}
	}
	twice := fastest
	if 2*best.rate < fastest.rate {
		if twice, err = try(2 * best.rate); err != nil {
			return sustained{}, err
		}
	}
	return sustained{best.rate, fastest.rate, float64(twice.missing()) / float64(twice.made)}, nil
}

func (o outcome) missing() int { return o.made - o.printed }
