package preflight

import (
	"fmt"
	"strings"
)

// MissingCapability says that the process lacks a privilege. Exit code 4.
type MissingCapability struct {
	Command string // the command that needs it
	Missing []Need // what is not in the effective set
	Set     []Need // the whole set that the command needs on this kernel
	Where   string // "" or why held capabilities do not count, such as a user namespace
}

func (e *MissingCapability) Error() string {
	var parts []string
	for _, n := range e.Missing {
		parts = append(parts, fmt.Sprintf("%s (to %s)", n.Cap, n.Why))
	}
	msg := "missing capability: " + strings.Join(parts, ", ")
	if e.Where != "" {
		msg += ": " + e.Where
	}
	return msg
}

// Remedy gives the setcap line and the container flags that mend it.
func (e *MissingCapability) Remedy() string {
	var file, docker []string
	for _, n := range e.Set {
		file = append(file, strings.ToLower(n.Cap.String()))
		docker = append(docker, "--cap-add "+strings.TrimPrefix(n.Cap.String(), "CAP_"))
	}
	return fmt.Sprintf("run as root, or: setcap %s=ep %s, or in a container: %s",
		strings.Join(file, ","), executable(e.Command), strings.Join(docker, " "))
}

// MissingFeature says that the kernel lacks something. Exit code 3.
type MissingFeature struct {
	Feature string // "BPF tracing programs"
	Fix     string // what would make it work
	Err     error  // what the kernel said; may be nil
}

func (e *MissingFeature) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("this kernel lacks %s: %v", e.Feature, e.Err)
	}
	return "this kernel lacks " + e.Feature
}

func (e *MissingFeature) Unwrap() error  { return e.Err }
func (e *MissingFeature) Remedy() string { return e.Fix }

// Refused says why the kernel did not load a program, where that is its lockdown: then it
// is a [LockedDown], else the error itself.
func Refused(err error) error {
	if mode := Lockdown(); mode == "confidentiality" {
		return &LockedDown{Mode: mode, Err: err}
	}
	return err
}

// LockedDown says that the kernel's lockdown refuses what its configuration
// would allow. Exit code 3.
type LockedDown struct {
	Mode string // "confidentiality"
	Err  error
}

func (e *LockedDown) Error() string {
	return fmt.Sprintf("this kernel is locked down (%s) and lets no program read its memory: %v", e.Mode, e.Err)
}

func (e *LockedDown) Unwrap() error { return e.Err }
func (e *LockedDown) Remedy() string {
	return "boot with lockdown=integrity, or with secure boot off"
}
