package command

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// Flag is one flag of a command line. Make it with [Bool], [Int], [Text] and
// their like.
type Flag struct {
	Name   string // without dashes
	Letter string // one letter, or ""
	Value  string // placeholder in the help; "" for a switch
	Usage  string
	Hidden bool
	// MayOmit says that the value is optional: --name or --name=VALUE.
	MayOmit bool

	dest destination
}

// destination parses a flag's value into the command's configuration. It has
// the methods of cli.Generic.
type destination interface {
	Set(string) error
	String() string
}

// Bool is a switch.
func Bool(name, letter, usage string, p *bool) Flag {
	return Flag{Name: name, Letter: letter, Usage: usage, dest: (*boolean)(p)}
}

// Text is a flag with any text.
func Text(name, letter, value, usage string, p *string) Flag {
	return Flag{Name: name, Letter: letter, Value: value, Usage: usage, dest: &parsed[string]{p: p,
		parse: func(s string) (string, error) {
			if s == "" {
				return "", fmt.Errorf("want a value that is not empty")
			}
			return s, nil
		}}}
}

// Choice is a flag with one of a few values, the first of which stands if it
// is not given.
func Choice(name, letter string, of []string, usage string, p *string) Flag {
	*p = of[0]
	return Flag{Name: name, Letter: letter, Value: strings.Join(of, "|"), Usage: usage, dest: &parsed[string]{p: p,
		parse: func(s string) (string, error) {
			if !slices.Contains(of, s) {
				return "", fmt.Errorf("want one of %s", strings.Join(of, ", "))
			}
			return s, nil
		}}}
}

// Optional is a switch that can be given one of a few values with =. Without
// one, the first stands; if the flag is not given, none does.
func Optional(name, letter string, of []string, usage string, p *string) Flag {
	return Flag{Name: name, Letter: letter, Value: strings.Join(of, "|"), Usage: usage, MayOmit: true, dest: &optional{parsed[string]{p: p,
		parse: func(s string) (string, error) {
			if s == "true" { // what the flag package makes of no value
				return of[0], nil
			}
			if !slices.Contains(of, s) {
				return "", fmt.Errorf("want one of %s", strings.Join(of, ", "))
			}
			return s, nil
		}}}}
}

// Parsed is a flag whose value is read by parse.
func Parsed[T any](name, letter, value, usage string, p *T, parse func(string) (T, error)) Flag {
	return Flag{Name: name, Letter: letter, Value: value, Usage: usage, dest: &parsed[T]{p: p, parse: parse}}
}

// Int is a flag with a number from low to high.
func Int(name, letter, value, usage string, low, high int, p *int) Flag {
	return Flag{Name: name, Letter: letter, Value: value, Usage: usage, dest: &parsed[int]{p: p,
		parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil || n < low || n > high {
				return 0, fmt.Errorf("want a number from %d to %d", low, high)
			}
			return n, nil
		}}}
}

// Duration is a flag with a length of time: 10s, 1m30s, or plain seconds.
func Duration(name, letter, usage string, p *time.Duration) Flag {
	return Flag{Name: name, Letter: letter, Value: "TIME", Usage: usage, dest: &parsed[time.Duration]{p: p, parse: parseDuration}}
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if seconds, numErr := strconv.ParseFloat(s, 64); numErr == nil && seconds <= math.MaxInt64/1e9 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	if err != nil || d < time.Millisecond {
		return 0, fmt.Errorf("want a time of 1ms or more, such as 10s, 1m30s or 2.5 (seconds)")
	}
	return d, nil
}

// Size is a flag with a number of bytes that is a power of two from low to
// high: 65536, 64K, 4M.
func Size(name, letter, usage string, low, high uint32, p *uint32) Flag {
	return Flag{Name: name, Letter: letter, Value: "SIZE", Usage: usage, dest: &parsed[uint32]{p: p,
		parse: func(s string) (uint32, error) {
			digits, shift := strings.ToUpper(s), 0
			for suffix, by := range map[string]int{"K": 10, "M": 20, "G": 30} {
				if rest, ok := strings.CutSuffix(digits, suffix); ok {
					digits, shift = rest, by
					break
				}
			}
			n, err := strconv.ParseUint(digits, 10, 32)
			n <<= shift
			if err != nil || n < uint64(low) || n > uint64(high) || n&(n-1) != 0 {
				return 0, fmt.Errorf("want a power of two from %s to %s", size(low), size(high))
			}
			return uint32(n), nil
		}}}
}

func size(n uint32) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%dM", n>>20)
	}
	return fmt.Sprintf("%dK", n>>10)
}

// Regexp is a flag with a regular expression in Go's syntax (RE2).
func Regexp(name, letter, usage string, p **regexp.Regexp) Flag {
	return Flag{Name: name, Letter: letter, Value: "REGEXP", Usage: usage, dest: &parsed[*regexp.Regexp]{p: p,
		parse: func(s string) (*regexp.Regexp, error) {
			re, err := regexp.Compile(s)
			if err != nil {
				return nil, fmt.Errorf("want a regular expression: %w", err)
			}
			return re, nil
		}}}
}

// PIDs is a repeatable flag with process ids.
func PIDs(name, letter, usage string, p *[]uint32) Flag {
	return Flag{Name: name, Letter: letter, Value: "PID", Usage: usage, dest: (*pids)(p)}
}

// maxPID is PID_MAX_LIMIT of 64-bit kernels.
const maxPID = 1 << 22

// boolean is a switch. The flag package asks IsBoolFlag.
type boolean bool

func (b *boolean) Set(s string) error {
	v, err := strconv.ParseBool(s)
	if err != nil {
		return fmt.Errorf("want true or false")
	}
	*b = boolean(v)
	return nil
}
func (b *boolean) String() string   { return strconv.FormatBool(b != nil && bool(*b)) }
func (b *boolean) IsBoolFlag() bool { return true }

// parsed is a value with its parser.
type parsed[T any] struct {
	p     *T
	parse func(string) (T, error)
	text  string
}

func (v *parsed[T]) Set(s string) error {
	x, err := v.parse(s)
	if err != nil {
		return err
	}
	*v.p, v.text = x, s
	return nil
}
func (v *parsed[T]) String() string { return v.text }

// optional is a value that may be left out. The flag package asks IsBoolFlag.
type optional struct{ parsed[string] }

func (*optional) IsBoolFlag() bool { return true }

// pids is a set of process ids.
type pids []uint32

func (v *pids) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || n == 0 || n > maxPID {
			return fmt.Errorf("want a process id from 1 to %d", maxPID)
		}
		if !slices.Contains(*v, uint32(n)) {
			*v = append(*v, uint32(n))
		}
	}
	return nil
}
func (v *pids) String() string {
	if v == nil {
		return ""
	}
	var out []string
	for _, n := range *v {
		out = append(out, strconv.FormatUint(uint64(n), 10))
	}
	return strings.Join(out, ",")
}

// cliFlags makes the library's flags: one for the name and one for the letter.
// As an alias of the name, the letter could not be given beside it (-p 1
// --pid 2), and the library would set every value twice.
func (f Flag) cliFlags() []cli.Flag {
	flags := []cli.Flag{&cli.GenericFlag{Name: f.Name, Value: f.dest, Destination: f.dest}}
	if f.Letter != "" {
		flags = append(flags, &cli.GenericFlag{Name: f.Letter, Value: f.dest, Destination: f.dest})
	}
	return flags
}
