# What capable shows of a command that is allowed and of one that is refused, and
# the least that a command needs.
capable -x -- nice -n -5 chroot / true
echo
if command -v setpriv >/dev/null; then
	echo "what an ordinary user is refused:"
	# By their paths: to search for a command asks for capabilities, too.
	capable --denied -- setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$(command -v nice)" -n -5 "$(command -v chroot)" / "$(command -v true)" || :
	echo
fi
echo "the least that it needs:"
capable --profile -- nice -n -5 chroot / true
echo
echo "as lines for a systemd unit:"
capable --profile --format systemd --quiet -- nice -n -5 chroot / true
