// Package debian has the walk-through of guard, docs/guard-ssh.md, and the tests that
// need what a Debian system has: OpenSSH, which nobody lets listen on port 22, on the
// machine or in a container; people who log in, and systemd that boots, under a policy
// about everything; subvolumes of btrfs.
package debian
