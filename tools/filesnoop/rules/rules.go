// Package rules finds what ransomware does among the events of files. It knows no
// kernel: the events may come from one that runs, or from a file.
//
// What counts is kept by process tree, for some time, and by the names of files:
// a rule is about files that belong together, not about the order of unrelated
// events.
package rules

import "time"

// Event is what the rules need to know of an event. Failed ones do not come here.
type Event struct {
	Time    int64 // nanoseconds since 1970
	PID     uint32
	PPID    uint32
	Start   uint64 // of the process; 0 if not known
	Comm    string
	Exe     string
	Op      string // as in the field op
	Path    string
	Path2   string
	Writing bool // an open for writing, of a file that is there, and not to append to it
	Emptied bool // by that open
	MayMake bool // that open would have made it
	Special bool // of a directory, a device, or what else has no content of its own
	Content Content
	Bytes   uint64 // that were encrypted
}

// Content is what is known of what was written.
type Content uint8

// The kinds of content.
const (
	Unknown Content = iota
	Plain           // text, or what else has an order
	Packed          // bytes without an order, in a format that is known for that
	Random          // bytes without an order, in no known format
)

// Severity of an event.
type Severity uint8

// The severities: nothing, a threshold, a rule or a pattern.
const (
	OK Severity = iota
	Minor
	Major
)

// Names of severities, for fields.
var Names = []string{"ok", "minor", "major"}

// Classic are their names in the classic table.
var Classic = []string{"OK", "MIN", "MAJ"}

// Verdict is what the rules say of an event.
type Verdict struct {
	Severity Severity
	Match    bool   // a pattern has matched
	Over     string // which kinds of events are over their threshold: OCDE, - for each that is not
	Rule     string // the rule that this event belongs to, "" for none
	Alert    *Alert // this event raised it; nil for most
}

// Alert is raised once for a rule and a process tree, and again after a pause of a
// window.
type Alert struct {
	Rule     string
	Root     uint32 // process at the top of the tree, as far as it was seen
	RootExe  string
	RootSeen int64  // when the tree was first seen
	First    string // the first file
	Files    int    // files that it is about, when it was raised
	Evidence []string
}

// The rules.
const (
	RuleReplace   = "replace"   // X is read, X.suffix made, X removed
	RuleRename    = "rename"    // X is written in place and renamed to X.suffix
	RuleOverwrite = "overwrite" // many files that were there are opened to be changed in place
	RuleRewrite   = "rewrite"   // files that were there get content without any order
	RuleNote      = "note"      // the same text file appears in many directories
	RuleRemove    = "remove"    // many files are read and then removed by who made few
	RuleCanary    = "canary"    // a file was touched that nobody should
)

// Config sets the rules.
type Config struct {
	Thresholds [4]int        // events of a kind in a window, by kinds
	Window     time.Duration // of the thresholds and the pattern
	Patterns   []string      // of kinds, about one file: OCD
	Memory     time.Duration // of what became of files, and for replace and rename: who writes an archive removes what he read minutes ago
	Recent     time.Duration // of what the other rules count
	Canaries   []string      // full paths
	Linked     int           // files for replace, rename and rewrite
	Notes      int           // directories for note
	Many       int           // files for overwrite and remove
}

// Default are the settings that were measured.
func Default() Config {
	return Config{
		Thresholds: [4]int{50, 50, 50, 50}, Window: 10 * time.Second, Patterns: []string{"OCD"},
		Memory: 10 * time.Minute, Recent: time.Minute, Linked: 20, Notes: 20, Many: 25,
	}
}

// kinds are the letters of events, as in thresholds and patterns.
const kinds = "OCDE"

// kindOf is the letter of an op, or 0.
func kindOf(op string) byte {
	switch op {
	case "open":
		return 'O'
	case "create", "tmpfile", "mknod":
		return 'C'
	case "delete", "rmdir":
		return 'D'
	case "encrypt":
		return 'E'
	}
	return 0
}
