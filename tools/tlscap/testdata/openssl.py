# One end of a connection by OpenSSL, called as a program in C would call it.
#
#	openssl.py PORT SIZE
#
# Sends a request of SIZE bytes four times and receives each as the answer: by SSL_write and SSL_read after SSL_peek; by
# SSL_write_ex and SSL_read_ex after SSL_peek_ex; by BIO_write and BIO_read of a BIO_f_ssl; and by BIO_puts and BIO_read.
import ctypes, socket, ssl, sys  # ssl loads the libraries

port, size = map(int, sys.argv[1:])
paths = {line.split()[-1] for line in open("/proc/self/maps") if ".so" in line}
libssl, libcrypto = (ctypes.CDLL(next(p for p in paths if name in p)) for name in ("/libssl.so", "/libcrypto.so"))
PEEKED = 16


def function(library, name, result, *arguments):
    f = getattr(library, name)
    f.restype, f.argtypes = result, arguments
    return f


pointer, number, length = ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t
method = function(libssl, "TLS_client_method", pointer)
new_context = function(libssl, "SSL_CTX_new", pointer, pointer)
new = function(libssl, "SSL_new", pointer, pointer)
free = function(libssl, "SSL_free", None, pointer)
set_fd = function(libssl, "SSL_set_fd", number, pointer, number)
connect = function(libssl, "SSL_connect", number, pointer)
plain = {name: function(libssl, "SSL_" + name, number, pointer, pointer, number) for name in ("read", "write", "peek")}
ex = {name: function(libssl, "SSL_%s_ex" % name, number, pointer, pointer, length, ctypes.POINTER(length)) for name in plain}
f_ssl = function(libssl, "BIO_f_ssl", pointer)
new_bio = function(libcrypto, "BIO_new", pointer, pointer)
control = function(libcrypto, "BIO_ctrl", ctypes.c_long, pointer, number, ctypes.c_long, pointer)
bio_read = function(libcrypto, "BIO_read", number, pointer, pointer, number)
bio_write = function(libcrypto, "BIO_write", number, pointer, pointer, number)
bio_puts = function(libcrypto, "BIO_puts", number, pointer, pointer)
free_bio = function(libcrypto, "BIO_free", number, pointer)
SET_SSL, NOCLOSE = 109, 0


def must(ok, what):
    if not ok:
        raise SystemExit(what)


s = socket.create_connection(("127.0.0.1", port))
connection = new(new_context(method()))
must(set_fd(connection, s.fileno()) == 1 and connect(connection) == 1, "SSL_connect")
bio = new_bio(f_ssl())
must(control(bio, SET_SSL, NOCLOSE, connection) == 1, "BIO_set_ssl")

body = b"".join(b"%015d\n" % i for i in range(size // 16 + 1))[:size]
buffer = ctypes.create_string_buffer(size)


def by(call):
    """What a function of the kind _ex has carried, or -1."""
    n = length()
    return n.value if call(ctypes.byref(n)) == 1 else -1


def whole(call):
    got = b""
    while len(got) < size:
        n = call(size - len(got))
        must(n > 0, "receive")
        got += buffer.raw[:n]
    must(got == body, "another answer than was sent")


must(plain["write"](connection, body, size) == size, "SSL_write")
must(plain["peek"](connection, buffer, PEEKED) == PEEKED and buffer.raw[:PEEKED] == body[:PEEKED], "SSL_peek")
whole(lambda n: plain["read"](connection, buffer, n))
must(by(lambda n: ex["write"](connection, body, size, n)) == size, "SSL_write_ex")
must(by(lambda n: ex["peek"](connection, buffer, PEEKED, n)) == PEEKED and buffer.raw[:PEEKED] == body[:PEEKED], "SSL_peek_ex")
whole(lambda size: by(lambda n: ex["read"](connection, buffer, size, n)))
must(bio_write(bio, body, size) == size, "BIO_write")
whole(lambda n: bio_read(bio, buffer, n))
must(bio_puts(bio, body) == size, "BIO_puts")
whole(lambda n: bio_read(bio, buffer, n))
must(free_bio(bio) == 1, "BIO_free")
free(connection)
