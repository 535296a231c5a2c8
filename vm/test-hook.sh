#!/bin/sh
# /test/run in the test machine: runs guest.sh, its verdicts to the second serial line, everything else
# it says to the console; then waits for a connection to port 9999 and powers off.
export PATH=/bin:/sbin

if grep -qw test_shell /proc/cmdline; then
	exec setsid cttyhack sh </dev/console >/dev/console 2>&1
fi
stty -F /dev/ttyS1 raw -echo
/test/guest.sh >/dev/ttyS1 2>/dev/console </dev/null
echo "end $?" >/dev/ttyS1
nc -l -p 9999 </dev/null >/dev/null
kill -TERM 1
