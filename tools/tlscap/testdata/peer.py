# Both ends of connections of TLS, in one process. The bytes are known to whoever asked
# for them: line I of a body is I in fifteen digits.
#
#	peer.py CERT KEY exchange CONNECTIONS REQUESTS SIZE
#	peer.py CERT KEY memory REQUESTS SIZE	the same through memory BIOs
#
# With PEER_WAIT set, connections are opened, "ready" is printed, and the rest waits for a
# line on stdin.
import os, socket, ssl, sys, threading

cert, key, mode = sys.argv[1:4]


def body(size):
    return b"".join(b"%015d\n" % i for i in range(size // 16 + 1))[:size]


def receive(recv, size):
    got = b""
    while len(got) < size:
        more = recv(size - len(got))
        if not more:
            raise SystemExit("the other end closed after %d of %d bytes" % (len(got), size))
        got += more
    return got


def wait():
    if os.environ.get("PEER_WAIT"):
        print("ready", flush=True)
        sys.stdin.readline()


server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(cert, key)
client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
client.check_hostname = False
client.verify_mode = ssl.CERT_NONE


def answer(conn, requests, size):
    for _ in range(requests):
        if receive(conn.recv, size) != body(size):
            raise SystemExit("another request than was sent")
        conn.sendall(body(size))


def exchange(connections, requests, size):
    listener = socket.create_server(("127.0.0.1", 0))
    pairs = []

    def accept():
        for _ in range(connections):
            pairs.append(server.wrap_socket(listener.accept()[0], server_side=True))

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    ends = [client.wrap_socket(socket.create_connection(listener.getsockname())) for _ in range(connections)]
    acceptor.join()
    wait()
    threads = [threading.Thread(target=answer, args=(p, requests, size)) for p in pairs]
    for t in threads:
        t.start()
    for end in ends:
        for _ in range(requests):
            end.sendall(body(size))
            if receive(end.recv, size) != body(size):
                raise SystemExit("another answer than was sent")
    for t in threads:
        t.join()
    print(" ".join(str(e.getsockname()[1]) for e in ends))


class Memory:
    """One end of a connection, whose library never sees the socket."""

    def __init__(self, context, sock, is_server):
        self.sock, self.in_, self.out = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.obj = context.wrap_bio(self.in_, self.out, server_side=is_server)
        self.run(self.obj.do_handshake)

    def run(self, call, *args):
        while True:
            try:
                result = call(*args)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self.in_.write(self.sock.recv(65536))

    def flush(self):
        if self.out.pending:
            self.sock.sendall(self.out.read())

    def recv(self, n):
        return self.run(self.obj.read, n)

    def sendall(self, data):
        view = memoryview(data)
        while view:
            view = view[self.run(self.obj.write, view):]


def memory(requests, size):
    one, other = socket.create_server(("127.0.0.1", 0)), None
    left = socket.create_connection(one.getsockname())
    right = one.accept()[0]
    peer = threading.Thread(target=lambda: answer(Memory(server, right, True), requests, size))
    peer.start()
    end = Memory(client, left, False)
    wait()
    for _ in range(requests):
        end.sendall(body(size))
        if receive(end.recv, size) != body(size):
            raise SystemExit("another answer than was sent")
    peer.join()
    print(left.getsockname()[1])


{"exchange": exchange, "memory": memory}[mode](*map(int, sys.argv[4:]))
