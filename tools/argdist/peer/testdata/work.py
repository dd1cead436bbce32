# Does what is counted when a byte comes on stdin, says so, and ends with another.
import os
import sys

null = os.open("/dev/null", os.O_RDWR)
path = sys.argv[1]
os.read(0, 1)
for turn in range(100):
    for size in (10, 100, 1000):
        os.write(null, b"x" * size)
    for size in (1, 2, 3):
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, size)
        os.close(fd)
for size in range(300):
    os.write(null, b"x" * size)
for turn in range(7):
    os.getcwd()
    try:
        os.write(9999, b"nowhere")
    except OSError:
        pass
    try:
        os.open("/nowhere/else", os.O_RDONLY)
    except OSError:
        pass
    child = os.fork()
    if child == 0:
        os.write(null, b"child")
        os._exit(0)
    os.waitpid(child, 0)
os.write(1, b"done\n")
os.read(0, 1)
