package main

// verifierMetric measures what the kernel's verifier has to look at before a tool can begin: the part of a start that
// grows with a loop that nobody timed.
func verifierMetric(subjects []subject, l load) metric {
	return metric{
		checked: true,
		name:    "verifier",
		steady:  true,
		title:   "Work of the verifier",
		text: `How many instructions the kernel's verifier went through until it took all programs that the process holds, loops and branches
as often as it followed them (verified_insns of bpf_prog_info), and how many of those were the longest program's.`,
		figures:  []figure{{"instructions verified", count}, {"longest program", count}, {"programs", count}},
		subjects: subjects,
		measure: func(b *bench, s subject) ([]float64, error) {
			t, objects, err := b.startLoaded(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			sum, longest, err := objects.verified()
			if err != nil {
				return nil, err
			}
			_, err = t.finish()
			return []float64{float64(sum), float64(longest), float64(len(objects.progs))}, err
		},
	}
}
