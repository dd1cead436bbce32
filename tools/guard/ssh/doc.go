// Package ssh has the walk-through of guard, docs/guard-ssh.md, and its tests: nobody
// listens on port 22, on this machine or in a container, and guard may be in a
// container itself. They run with Debian's OpenSSH.
package ssh
