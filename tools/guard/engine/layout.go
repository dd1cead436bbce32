package engine

// The types of this file are those of tables.h, field by field; a test compares them
// with what clang made of that.

// Subjects without a definition.
const (
	subjectAll = iota
	subjectInit
	subjectKernel
	subjectGuard
	firstSubject // that has one
)

// Kinds of decisions.
const (
	kindRead = iota
	kindWrite
	kindCreate
	kindDelete
	kindAttr
	kindExec
	kindLoad
	kindHeldRead
	kindHeldWrite
	kindConnect
	kindBind
	kindSocket
	kindMount
	kindSetuid
	kindSelf
	kinds

	fileKinds = kindHeldWrite + 1
	kindSlots = 16
)

// Flags of a generation.
const (
	hasExe = 1 << iota
	hasCgroup
	hasUID
	hasNames
	hasSuffixes
	hasAddresses
	hasNetworks
	hasPorts
	hasNamed
	hasFileDefaults
	hasPeerDefaults
	hasSubvolumes
)

const (
	slots      = 4
	exceptions = 64
)

type controlBlock struct {
	Slot, LabelSlot, Armed, Agent uint32
	AgentStarted                  uint64
	InitialMntns, _               uint32
	Epoch                         uint64
}

type exception struct {
	Bit, _ uint32
	To     set
}

type generation struct {
	Revision, Flags, Exceptions, _      uint32
	PortLow, PortHigh                   uint32
	Descendants, NoExe, NoCgroup, NoUID set
	OfAll                               set
	Concerned, Deny, Audit              [kindSlots]set
	UnresolvedDeny, UnresolvedAudit     [kindSlots]set
	UnresolvedAllow                     [kindSlots]set
	Exception                           [exceptions]exception
}

// Spaces of paths and files.
const (
	spaceFile = iota
	spaceExe
	spaceTarget
	spaceUnixConnect
	spaceUnixBind
)

// Parts of paths.
const (
	partPath = iota
	partName
	partSuffix
	partAbstract
)

type pathKey struct {
	Space, Part uint32
	Hash        [2]uint64
}

// pathIDs are ids in any mount namespace and in the initial one.
type pathIDs struct {
	Exact, Children, Subtree [2]uint32
}

type inodeKey struct {
	Space, Dev uint32
	Ino        uint64
}

type inodeIDs struct {
	Exact, Children, Subtree uint32
}

type effect struct {
	Deny, Audit, Allow, AllowAudit, Kill set
}

// Spaces of addresses.
const (
	spaceConnect = iota
	spaceBind
	spaceRange
	flowSpaces
)

// Protocols.
const (
	protoTCP = iota
	protoUDP
	protoOther
	protos
)

type addressKey struct {
	Space   uint32
	Address [16]byte
}

type networkKey struct {
	Prefix  uint32
	Space   [4]byte // big endian
	Address [16]byte
}

type portClasses struct {
	Of   [flowSpaces][4]uint16
	Next [4]uint16
}

type flowKey struct {
	Space, Proto, AddressClass, PortClass uint32
}

// Spaces of users.
const (
	userSubject = iota
	userRule
)

type userKey struct {
	Prefix    uint32
	Space, ID [4]byte // big endian
}

// Operations of rules that have a bit.
const (
	isMountNew = iota
	isMountBind
	isMountMove
	isMountRemount
	isMountUmount
	isMountPivot
	isMountPropagation
	isSocket
	isSetuid
	isSetgid
	isSetgroups
	isSuidExec
	isUserns
	isCapset
	isFileless
	isNoArgs
	isSelfSignal
	isSelfTrace
	isSelfMap
	isSelfProgram
	isSelfSwitch
	operations
)

const specialRules = 64 * words

type special struct {
	Of                 [operations]set
	NoFSType, NoTarget set
	Unplaced           set
	NoFamily, NoType   set
	NoUser, Allows     set
	Entry              [specialRules]uint32
}

// Spaces of words.
const (
	wordFSType = iota
	wordFamily
	wordType
)

const fstypeLen = 24

type wordKey struct {
	Space, Number uint32
	Name          [fstypeLen]byte
}

// Kinds of objects of BPF.
const (
	ownMap = iota + 1
	ownProgram
)

type ownKey struct{ Kind, ID uint32 }
