package main

import "testing"

func TestSumCounts(t *testing.T) {
	for name, text := range map[string]string{
		"ours":     "[12:00:01]\np::vfs_write(...)\n\tCOUNT      EVENT\n\t3          $COMM = BENCH-EVENT\n\t9          $COMM = bench\n[12:00:02]\n\t4          $COMM = BENCH-EVENT\n",
		"bcc":      "[12:00:01]\np::vfs_write(...)\n\tCOUNT      EVENT\n\t7          $COMM = b'BENCH-EVENT'\n\t9          $COMM = b'bench'\n",
		"bpftrace": "Attaching 2 probes...\n@[bench]: 9\n@[BENCH-EVENT]: 3\n\n@[BENCH-EVENT]: 4\n",
	} {
		if got := sumCounts(text, eventMark); got != 7 {
			t.Errorf("%s: counted %d, want 7", name, got)
		}
	}
}
