package main

import (
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// fieldsDocument has the entries of the FIELDS section of the man page: the fields
// of all types of lines, each once.
func fieldsDocument() []byte {
	var all []output.Field[report.Line]
	seen := make(map[string]bool)
	for _, fields := range [][]output.Field[report.Line]{report.CountFields, report.HistogramFields, report.StatsFields} {
		for _, f := range fields {
			if seen[f.Name] {
				continue
			}
			seen[f.Name] = true
			if f.Name == "type" {
				f.Enum = []string{"count", "hist", "stats"}
				f.Doc = "The type of the line: of -C, of -H, of --stats, --sum and their like."
			}
			all = append(all, f)
		}
	}
	return output.ManFields(all)
}
