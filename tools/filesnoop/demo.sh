# What filesnoop shows while a program works in a directory of its own, and what it
# says of one that replaces every file by another.
dir=$(mktemp -d)
mkdir "$dir/docs"
for i in $(seq 30); do echo "text $i" >"$dir/docs/$i.txt"; done
filesnoop --all --path "$dir" -- sh -c "
	cd $dir
	echo one >a
	mv a b
	ln b c
	ln -s b d
	chmod 600 b
	rm b c d"
echo
echo "and only alarms, while every file is replaced by one with a suffix:"
filesnoop --alert-only -- sh -c "
	for f in $dir/docs/*.txt; do
		tr a-z n-za-m <\$f >\$f.locked
		rm \$f
	done"
rm -rf "$dir"
