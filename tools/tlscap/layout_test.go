package main

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/layouttest"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// TestLayout checks that Go and C mean the same bytes, in the objects of all
// architectures.
func TestLayout(t *testing.T) {
	for name, types := range layouttest.Objects(t, loadBpf) {
		qt.Check(t, qt.IsNil(layouttest.Check[trace.RecordHead](types, "record_head")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfTlsRecord](types, "tls_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfDeriveRecord](types, "derive_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfEndRecord](types, "end_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfLayout](types, "layout")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfGoLayout](types, "go_layout")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfOwnerRecord](types, "owner_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfPacketRecord](types, "packet_record")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[bpfPacketInterface](types, "packet_interface")), qt.Commentf("%s", name))
		qt.Check(t, qt.IsNil(layouttest.Check[pcap.Flow](types, "packet_flow")), qt.Commentf("%s", name))
	}
}

// TestDefines checks the constants of the Go files against those of the C files.
func TestDefines(t *testing.T) {
	inC := make(map[string]uint64)
	for _, file := range []string{"tlscap.h", "payload.h", "keylog.h", "owner.h", "packet.h"} {
		text, err := os.ReadFile(file)
		qt.Assert(t, qt.IsNil(err))
		for _, m := range regexp.MustCompile(`(?m)^#define (\w+)\s+(\w+)`).FindAllStringSubmatch(string(text), -1) {
			if n, err := strconv.ParseUint(m[2], 0, 32); err == nil {
				inC[m[1]] = n
			}
		}
	}
	for name, n := range map[string]uint64{
		"KIND_PIECE": kindPiece, "KIND_DERIVE": kindDerive, "KIND_EXEC": kindExec, "KIND_END": kindEnd, "KIND_LOGGED": kindLogged,
		"KIND_PACKET": kindPacket, "KIND_OWNER": kindOwner,
		"PACKET_MAX": maxSnaplen, "INTERFACES_MAX": maxInterfaces, "LINK_ETHERNET": linkEthernet, "OWNERS_MAX": maxOwners,
		"DIR_READ": dirRead, "DIR_WRITE": dirWrite, "PIECE_MAX": pieceMax, "RANDOM_LEN": randomLen,
		"F_PEEK": flagPeek, "F_NO_DATA": flagNoData, "F_UNREADABLE": flagUnreadable, "F_LIMITED": flagLimited, "F_SOCKET": flagSocket,
		"FN_READ": uint64(library.Read), "FN_READ_EX": uint64(library.ReadEx), "FN_WRITE": uint64(library.Write),
		"FN_WRITE_EX": uint64(library.WriteEx), "FN_WRITE_EX2": uint64(library.WriteEx2), "FN_PEEK": uint64(library.Peek),
		"FN_PEEK_EX": uint64(library.PeekEx), "FN_SENDFILE": uint64(library.Sendfile), "FN_HANDSHAKE": uint64(library.Handshake),
	} {
		got, ok := inC[name]
		qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(got, n), qt.Commentf("%s", name))
	}
	qt.Check(t, qt.Equals((inC["PIECES_BOUND"]+1)*inC["PIECE_MAX"], boundedCall))
	qt.Check(t, qt.Equals(cookie(5, library.Write), 5<<8|3))
	qt.Check(t, qt.IsTrue(cookie(maxProbes-1, library.Kind(255)) < 1<<31))
}
