#!/bin/sh
# Writes guard_example.txt: commentary, and transcripts of real runs. Every command
# line that is shown is run; nothing that it prints is edited.
#
# It needs root, a kernel that enforces policies, and guard and guard-workload in PATH.
# In a virtual machine:
#
#	go run ./internal/vm/vmrun exec -kernel 6.12 -file bin/amd64/guard:/usr/local/bin/ \
#	    -file bin/amd64/guard-workload:/usr/local/bin/ -file tools/guard/example.sh:/example.sh \
#	    -- sh /example.sh >tools/guard/guard_example.txt
set -eu
cd /root
mkdir -p /srv/www /etc/shop /var/log/shop
cp "$(command -v guard-workload)" /usr/sbin/shop
rm -f /usr/bin/passwd # a link to busybox, which is every program there
cp "$(command -v guard-workload)" /usr/bin/passwd
echo secret >/etc/shadow
chmod 600 /etc/shadow
echo '<p>' >/srv/www/index.html
echo 'root:x:0:0::/root:/bin/sh' >/etc/passwd
for name in shop limits paths; do echo x >/etc/shop/$name.conf; done
ifconfig lo up

# shown COMMAND...: the command line, and what it prints.
shown() {
	printf '\n# %s\n' "$*"
	sh -c "$*" 2>&1 || echo "[exit status $?]"
}
# while_running FLAGS COMMANDS: guard run, and what it prints while COMMANDS run.
while_running() {
	printf '\n# guard run %s\n' "$1"
	eval "exec guard run $1" >out 2>err &
	guard=$!
	until grep -q 'tracing, Ctrl-C' err; do
		kill -0 "$guard" 2>/dev/null || { cat err >&2; exit 1; }
		sleep 0.2
	done
	eval "$2" >did 2>&1 || :
	kill -INT "$guard"
	wait "$guard"
	cat out
}
say() { echo && cat; }

cat <<'END'
Demonstrations of guard, the Linux eBPF version of Ringside.


guard enforces policies. This one keeps everybody but one program from the passwords of
the machine, and lets a shop listen on its port and connect to its database, and
no further:
END
cat >shop.yaml <<'END'
version: 1
name: shop
mode: enforce
subjects:
  shop: {exe: /usr/sbin/shop, descendants: true}
defaults:
  shop: {connect: deny, bind: deny}
rules:
  - id: shadow
    subject: {any: all, except: {exe: /usr/bin/passwd}}
    action: deny
    message: credential file
    file: {paths: /etc/shadow, access: read}
  - id: database
    subject: shop
    action: allow
    connect: {to: 127.0.0.1, ports: 5432, proto: tcp}
  - id: web
    subject: shop
    action: allow
    bind: {ports: 8080, proto: tcp}
  - id: raw
    subject: shop
    action: deny
    socket: {families: packet}
END
shown 'cat shop.yaml'
say <<'END'
guard check looks for mistakes, without a privilege. Warnings may be meant:
END
shown 'guard check shop.yaml'
say <<'END'
What is wrong is told with its place:
END
sed 's/ports: 5432/port: 5432/; s/credential file/"\\e[31mred"/' shop.yaml >wrong.yaml
shown 'guard check wrong.yaml'
say <<'END'
guard explain tells what would become of an operation, and why:
END
shown 'guard explain --exe /bin/cat --open /etc/shadow shop.yaml'
shown 'guard explain --exe /usr/sbin/shop --connect 192.0.2.1:443 shop.yaml'
say <<'END'
guard run enforces it. Meanwhile somebody reads the passwords, and the shop does this
and that; what is allowed is not told:
END
while_running 'shop.yaml' 'cat /etc/shadow; cat /etc/passwd; shop connect tcp4 127.0.0.1:5432 -- connect tcp4 192.0.2.1:443 -- bind tcp4 0.0.0.0:8080 -- bind tcp4 0.0.0.0:9090 -- socket packet raw'
say <<'END'
That is what they saw of it:
END
printf '\n'
cat did
say <<'END'
A banner on the terminal says when policies are in force, and a line of account comes at
the end; both go to stderr, and are left out in this text but for here:
END
printf '\n'
cat err
say <<'END'
With --mode audit nothing is refused, and what would be is told:
END
while_running '--mode audit shop.yaml' 'cat /etc/shadow'
printf '\n'
cat did
say <<'END'
JSON has all that is known; the first line tells of the policies:
END
while_running '--json shop.yaml' 'cat /etc/shadow'
say <<'END'
With --persist the policies stay in force, also when guard is killed. In the meantime
alerts are counted and not told. Of what it tells on stderr, the warnings are those of
guard check, and left out here:
END
printf '\n# guard run --persist shop.yaml\n'
guard run --persist shop.yaml >out 2>err &
guard=$!
until grep -q 'tracing, Ctrl-C' err; do sleep 0.2; done
grep -v warning: err
shown "kill -KILL $guard"
wait "$guard" || :
shown 'cat /etc/shadow'
shown 'guard status'
say <<'END'
JSON is a line for each policy:
END
shown 'guard status --json'
say <<'END'
The next guard run --persist would take over; guard detach takes the policies away:
END
shown 'guard detach'
shown 'cat /etc/shadow'
shown 'guard status'
say <<'END'
SIGHUP has the file read again. One with mistakes is refused, and what was in force stays:
END
while_running 'shop.yaml' 'cp wrong.yaml shop.yaml; kill -HUP $guard; until grep -q refused err; do sleep 0.2; done; cat /etc/shadow'
printf '\n'
cat err
say <<'END'
guard learn writes a policy for a program by what it does. Here the shop reads its
configuration and its pages, writes its log, binds and connects:
END
printf '\n# guard learn --subject-exe /usr/sbin/shop\n'
guard learn --subject-exe /usr/sbin/shop >learned.yaml 2>err &
guard=$!
until grep -q 'tracing, Ctrl-C' err; do sleep 0.2; done
shop read /etc/shop/shop.conf -- read /etc/shop/limits.conf -- read /srv/www/index.html -- open /var/log/shop/access.log w,creat,append \
	-- bind tcp4 0.0.0.0:8080 -- connect tcp4 127.0.0.1:5432 >/dev/null
kill -INT "$guard"
wait "$guard"
cat learned.yaml
say <<'END'
The more it does, the more is taken together: with --files 2, two files of one directory
would be /etc/shop/*. It is a policy in audit mode; here it is enforced, and the shop does
something new:
END
while_running '--mode enforce learned.yaml' 'shop read /etc/shop/shop.conf -- read /etc/shop/paths.conf -- read /etc/passwd'
say <<'END'
What this kernel offers:
END
shown 'guard --check'
printf '\nThe help text:\n\n'
guard --help
