// Package policy is what guard enforces, as its files say it: who may do what to
// which file, address, mount or identity.
//
// [Parse] reads files of strict YAML, [Check] looks for mistakes that are none of
// syntax, and [Explain] tells the verdict for an operation. Nothing here needs
// a kernel or a privilege; package engine enforces what this package reads.
//
// A verdict depends on no order. For one operation of one task,
//
//   - a deny rule that applies to both decides: denied;
//   - else an allow rule that applies decides: allowed;
//   - else a default "deny" of a subject that the task is one of: denied;
//   - else it is allowed.
package policy

import "fmt"

// Position is a place in a policy file, counted from one.
type Position struct {
	File         string
	Line, Column int
}

// String returns FILE:LINE:COLUMN, without control characters.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", visible(p.File), p.Line, p.Column)
}

// Mode says what becomes of what a policy denies.
type Mode uint8

const (
	Audit   Mode = iota // it is told, and happens
	Enforce             // it is told, and refused
)

// Action is what a rule or a default says.
type Action uint8

const (
	Allow Action = iota
	Deny
)

// View is the mount namespace in which paths are meant.
type View uint8

const (
	// ViewStrict is where the file says nothing, and takes the strict side: a path
	// of a deny rule counts in every mount namespace, as its tasks see it; a path of
	// an allow rule or of a subject counts in the initial one. The files that are
	// there when the policy is loaded count everywhere, whatever their path.
	ViewStrict View = iota
	ViewHost        // paths count in the initial mount namespace
	ViewTask        // paths count in every one, from its own root
)

// Identity says what a file is known by.
type Identity uint8

const (
	ByBoth  Identity = iota
	ByPath           // also a file that comes later; not the same file by another path
	ByInode          // the file that is there when the policy is loaded, by any path
)

// Policy is one YAML document.
type Policy struct {
	Name string
	Mode Mode
	// OnUnresolved: where a path cannot be found out, the rules of this action apply as if
	// they named it, and those of the other do not. Deny unless the file says allow.
	OnUnresolved Action
	Subjects     []*Subject
	Defaults     []Default
	Rules        []*Rule
	Pos          Position
}

// Names of subjects that need no definition.
const (
	SubjectAll    = "all"    // every task but those of the next two; to connect and bind, process 1 too
	SubjectInit   = "init"   // process 1
	SubjectKernel = "kernel" // the kernel's own threads, which no other subject has
	SubjectNone   = "none"   // nobody; for rules that are switched off
)

// Subject is a set of tasks. What is given must all hold; of a list, one. One that
// stands in a rule, without a name, has its place for a name: "LINE:COLUMN".
type Subject struct {
	Name        string
	Exe         []Pattern // what the task executes
	Descendants bool      // and all that such a task starts, whatever they execute
	Cgroup      []Text    // cgroup v2 directories, from the root of the hierarchy; those below too
	Container   []Text    // ids, or beginnings of one
	UID         []IDRange // real user ids
	Not         []Text    // names of subjects whose tasks are left out
	View        View      // for Exe
	Pos         Position
}

// Text is a string and where it was read.
type Text struct {
	S   string
	Pos Position
}

// IDRange is a range of user or group ids. A name in the file is a range of one.
type IDRange struct {
	First, Last uint32
	Name        string // "" for numbers; until [ResolveIDs] the range of a name is empty: 1 to 0
	Pos         Position
}

// Selector are the tasks of a rule: those of any subject but the excepted ones.
type Selector struct {
	Any, Except []Text
}

// Class is a kind of operation that can have a default.
type Class uint8

const (
	ClassFile    Class = iota // every access to files but Exec
	ClassExec                 // executing and mapping code
	ClassConnect              // connecting and sending to an address
	ClassBind                 // binding and listening
	ClassSocket               // creating sockets
	ClassMount                // changing what is mounted
	ClassSetuid               // changing identity, in whatever way
	Classes                   // how many there are
)

// Default is what holds for a subject where no rule applies.
type Default struct {
	Subject Text
	Class   Class
	Access  Access // of ClassFile: for these; of other classes 0
	Action  Action
	Pos     Position
}

// Rule is an action for some tasks and some objects. All blocks that are given
// are independent: a rule with File and Bind is two rules of one id.
type Rule struct {
	ID       string
	Subject  Selector
	Action   Action
	Audit    bool // tell only, also where the policy enforces
	Message  string
	Identity Identity
	View     View
	Kill     bool // a task that is denied is killed as well
	Pos      Position

	File    *File
	Exec    *Exec
	Connect *Connect
	Bind    *Bind
	Socket  *Socket
	Mount   *Mount
	Setuid  *Setuid
}

// PatternKind is how a pattern matches.
type PatternKind uint8

const (
	Exact    PatternKind = iota // /etc/shadow
	Children                    // /tmp/*: what is directly in the directory
	Subtree                     // /root/.ssh/**: the directory and all below it
	Name                        // **/id_rsa: the last component, anywhere
	Suffix                      // **/*.key or *.key: the end of the last component from its last dot on
)

// Pattern is a set of paths.
type Pattern struct {
	Kind PatternKind
	// Path is absolute and clean for the first three kinds, a name for Name, and
	// for Suffix the end with its dot: ".key".
	Path string
	Pos  Position
}

// Access is a set of ways to use a file.
type Access uint16

const (
	Read   Access = 1 << iota // open for reading; the source of a link
	Write                     // open for writing, truncate
	Create                    // make a file, directory, link or node of this name, or rename to it
	Delete                    // unlink, rmdir, rename from it
	Attr                      // mode, owner, times, extended attributes
	Exec_                     // executed; only Exec blocks ask for it
	Load                      // mapped as code; only Exec blocks ask for it

	AccessAll = Read | Write | Create | Delete | Attr // what a File block means that names none
)

// Owner limits a file block by who the file belongs to.
type Owner uint8

const (
	AnyOwner  Owner = iota
	OwnFile         // the file's owner is the task's file system user id
	OtherFile       // it is not
)

// File is about files and directories.
type File struct {
	Paths  []Pattern
	Access Access
	Owner  Owner
	// OpenBefore: what was opened before the policy came is checked at each use too.
	OpenBefore bool
	Pos        Position
}

// Exec is about what is executed: any of the paths, what has no name, what has no
// arguments. Each counts by itself.
type Exec struct {
	Paths    []Pattern
	Fileless bool // what has no name: memfd, unlinked files. Deny rules with the path "/**" have it too
	NoArgs   bool // an empty argument list, which trips privileged programs
	// Loader: mapping such a file as code counts as well, or ld.so FILE is a way
	// round. True for deny rules unless the file says otherwise.
	Loader bool
	Pos    Position
}

// MountOp is a set of operations on mounts.
//
// Attaching a mount that is attached nowhere (move_mount of what fsmount or open_tree with
// OPEN_TREE_CLONE returned) counts as [MountNew], [MountBind] and [MountMove]: no hook
// tells where it comes from, so that a rule about any of the three is about it.
type MountOp uint16

const (
	MountNew         MountOp = 1 << iota // of a file system, by the old interface or the new
	MountBind                            // of a directory in another place
	MountMove                            // of a mount to another place; see below for a detached one
	MountRemount                         // changing flags
	MountUmount                          // any flags
	MountPivot                           // pivot_root
	MountPropagation                     // shared, private, slave, unbindable

	MountAll = MountNew | MountBind | MountMove | MountRemount | MountUmount | MountPivot | MountPropagation
)

// Mount is about what is mounted.
type Mount struct {
	Ops     MountOp
	FSType  []Text    // none: any; of what cannot be found out, deny rules are about all, allow rules about none
	Targets []Pattern // of the kinds Exact, Children and Subtree; none: any
	Pos     Position
}

// Via is a set of ways to another identity.
type Via uint16

const (
	ViaSetuid    Via = 1 << iota // setuid and its kin
	ViaSetgid                    // setgid and its kin
	ViaSetgroups                 // setgroups
	ViaExec                      // set-user-ID, set-group-ID and file capabilities
	ViaUserns                    // a new user namespace
	ViaCapset                    // capset that adds to the effective set

	ViaDefault = ViaSetuid | ViaExec // what a block means that names none
)

// Setuid is about changes of identity. What stays the same is no change. Where there is
// no new id, as for a user namespace or the capabilities of a file, To excludes nothing
// from a deny rule and everything from an allow rule.
type Setuid struct {
	To  []IDRange // the new user or group id; none: any
	Via Via
	Pos Position
}
