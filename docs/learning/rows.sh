#!/bin/sh
# Makes rows.csv of the events of workloads:
#
#	go run ./bench/detection -here -runs 1 -mode '^$' -keep DIR
#	docs/learning/rows.sh DIR >docs/learning/rows.csv
#
# It needs filesnoop in PATH, and no privilege. A row is what a process did in a second
# to the files of its workload; the first two columns are the workload and whether it is
# an attack. Its name and time are left out: they would be learned by heart.
set -eu
head=
for file in $(ls "$1"/*.jsonl | sort -V); do
	name=$(basename "$file" .0.jsonl)
	case $name in A* | X*) attack=1 ;; *) attack=0 ;; esac
	filesnoop --quiet --replay "$file" --glob '**/detection-*/**' --features 1s |
		awk -F , -v OFS=, -v name="$name" -v attack=$attack -v head="$head" '
			{ line = $4; for (i = 5; i < NF; i++) line = line OFS $i }
			NR == 1 && !head { print "workload", "attack", line }
			NR > 1 { print name, attack, line }'
	head=done
done
