#!/bin/sh
# Builds the programs of the tests, which are committed: cipher_amd64 and cipher_arm64.
# It takes clang-19, and binutils for both architectures (binutils-aarch64-linux-gnu).
set -eu
cd "$(dirname "$0")"
for arch in amd64:x86_64-linux-gnu:ld arm64:aarch64-linux-gnu:aarch64-linux-gnu-ld; do
	IFS=: read -r name target ld <<END
$arch
END
	: arguments that a function leaves alone would not be passed with -O1
	clang-19 --target="$target" -O0 -fno-stack-protector -ffreestanding -nostdlib -fno-pic -c cipher.c -o cipher.o
	"$ld" -static -o "cipher_$name" cipher.o
	rm cipher.o
done
