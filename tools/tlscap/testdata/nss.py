# One end of a connection by NSS and NSPR, called as a program in C would call them.
#
#	nss.py PORT SIZE
#
# Sends a request of SIZE bytes by PR_Writev, in three pieces, and one by PR_Send; receives each as the answer, the first by
# PR_Read and the second twice, by PR_Recv with and without PR_MSG_PEEK.
import ctypes, socket, sys

port, size = map(int, sys.argv[1:])
nspr, nss, ssl = (ctypes.CDLL(name) for name in ("libnspr4.so", "libnss3.so", "libssl3.so"))
PEEK, FOREVER = 2, 0xFFFFFFFF


def function(library, name, result, *arguments):
    f = getattr(library, name)
    f.restype, f.argtypes = result, arguments
    return f


class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_int)]


pointer, number = ctypes.c_void_p, ctypes.c_int
trusting = ctypes.CFUNCTYPE(number, pointer, pointer, number, number)(lambda *_: 0)
import_socket = function(nspr, "PR_ImportTCPSocket", pointer, number)
read = function(nspr, "PR_Read", number, pointer, pointer, number)
recv = function(nspr, "PR_Recv", number, pointer, pointer, number, number, ctypes.c_uint)
send = function(nspr, "PR_Send", number, pointer, pointer, number, number, ctypes.c_uint)
writev = function(nspr, "PR_Writev", number, pointer, pointer, number, ctypes.c_uint)
close = function(nspr, "PR_Close", number, pointer)
import_fd = function(ssl, "SSL_ImportFD", pointer, pointer, pointer)
hook = function(ssl, "SSL_AuthCertificateHook", number, pointer, pointer, pointer)
reset = function(ssl, "SSL_ResetHandshake", number, pointer, number)
handshake = function(ssl, "SSL_ForceHandshake", number, pointer)
set_url = function(ssl, "SSL_SetURL", number, pointer, ctypes.c_char_p)


def must(ok, what):
    if not ok:
        raise SystemExit("%s: error %d" % (what, nspr.PR_GetError()))


must(nss.NSS_NoDB_Init(None) == 0, "NSS_NoDB_Init")
must(ssl.NSS_SetDomesticPolicy() == 0, "NSS_SetDomesticPolicy")
s = socket.create_connection(("127.0.0.1", port))
fd = import_fd(None, import_socket(s.detach()))
must(fd, "SSL_ImportFD")
hook(fd, ctypes.cast(trusting, pointer), None)
set_url(fd, b"localhost")
must(reset(fd, 0) == 0 and handshake(fd) == 0, "SSL_ForceHandshake")

body = b"".join(b"%015d\n" % i for i in range(size // 16 + 1))[:size]
buffer = ctypes.create_string_buffer(size)


def whole(call):
    got = b""
    while len(got) < size:
        n = call(size - len(got))
        must(n > 0, "receive")
        got += buffer.raw[:n]
    if got != body:
        raise SystemExit("another answer than was sent")


third = size // 3
pieces = body[:third], body[third : 2 * third], body[2 * third :]
must(writev(fd, (Vector * 3)(*((p, len(p)) for p in pieces)), 3, FOREVER) == size, "PR_Writev")
whole(lambda n: read(fd, buffer, n))
must(send(fd, body, size, 0, FOREVER) == size, "PR_Send")
must(recv(fd, buffer, 16, PEEK, FOREVER) == 16, "PR_Recv")
must(buffer.raw[:16] == body[:16], "peek")
whole(lambda n: recv(fd, buffer, n, 0, FOREVER))
must(close(fd) == 0, "PR_Close")
