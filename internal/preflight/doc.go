// Package preflight tells what this kernel has and what this process may do,
// before anything is loaded.
//
// Everything is probed as it is: a distribution's kernel with backports is
// judged by what it can do, never by its version. What is missing comes back
// as one of three typed errors, each with a remedy: [MissingCapability],
// [MissingFeature] and [LockedDown].
package preflight
