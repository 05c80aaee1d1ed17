# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a command that goes on on the target without us, and only while we renew its lease.

It is started in a session of its own and writes into a private directory, so that a connection that is cut, or idle
for hours, does it no harm. Each further script asks for it and renews the lease on the way. All of them are for
/bin/sh on the target. Ansible's own async_wrapper would do the same without the lease, takes more commands, and stays
for seconds after its job.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ..module_utils._lease import PROGRESS, VARIABLE
from ..module_utils._running import JOB, OTHERS_DIRECTORY, PAYLOAD, ROOTS_DIRECTORY

_ENDED, _GOES_ON, _GONE = "closeout: it has ended", "closeout: it goes on", "closeout: it is gone"
_SAID = re.compile(rf"^({_ENDED}|{_GOES_ON}|{_GONE})\r?\n", re.MULTILINE)
CANNOT_START = 71
"""The return code of a script that could not start its command and says why. Source: sysexits(3), EX_OSERR."""

# Sets $directory to the job's. /run is root's; in /tmp it may be somebody else who made it.
_WHERE = f"""
umask 077
base={ROOTS_DIRECTORY}
[ "$(id -u)" = 0 ] || base={OTHERS_DIRECTORY.format(uid="$(id -u)")}
directory="$base/{JOB}$token"
"""
# Whoever else ends just now removes an empty directory: so it is made again, a few times.
# The command is a child of a shell that writes down its return code. That shell and what it starts hold the lock on
# `alive`, by which a later run sees whether anybody is left: so it is held before it has that name. TMPDIR: where
# Ansible's payload unpacks itself.
_START = """
for program in flock setsid; do
    if ! command -v "$program" >/dev/null; then
        echo "$program (util-linux) is not installed" >&2
        exit {refused}
    fi
done
attempts=0
while
    mkdir -m 0700 "$base" 2>/dev/null
    [ -L "$base" ] || ! [ -O "$base" ] || ! mkdir "$directory" 2>/dev/null
do
    attempts=$((attempts + 1))
    if [ "$attempts" -gt 20 ]; then
        echo "$base cannot be used: it must be a directory of this user's own" >&2
        exit {refused}
    fi
done
exec 9>"$directory/new-alive" && flock 9 && mv "$directory/new-alive" "$directory/alive"
echo 0 >"$directory/lease"
printf %s "$payload" >"$directory/{payload}"
export {variable}="$directory/lease" TMPDIR="$directory"
{input}
setsid /bin/sh -c '
    {open}
    cd / && /bin/sh -c "$2" >"$1/out" 2>"$1/err"
    echo $? >"$1/new" && mv "$1/new" "$1/rc"
    [ -z "$3" ] || rm -rf "$3"
' closeout "$directory" "$command" "$payload" </dev/null >/dev/null 2>&1 &
exec 9>&-
"""
# In memory, for as long as it takes to be opened: there may be a password in it.
_KEEP_INPUT = """cat >"$directory/in" """
_OPEN_INPUT = """exec <"$1/in"; rm -f "$1/in" """
_RENEW = """
echo "$number" >"$directory/new-lease" && mv -f "$directory/new-lease" "$directory/lease"
"""
# Waits at the target: whoever asks learns at once that it has ended, and asks seldom. That nobody holds the lock is
# looked at before the return code: one that ends meanwhile has written it.
_WAIT = """
looks=0 pause=0.05
while ! [ -e "$directory/rc" ] && [ "$looks" -lt 30 ]; do
    sleep "$pause"
    looks=$((looks + 1))
    [ "$looks" -lt 20 ] || pause=0.2
done
if [ -e "$directory/alive" ] && ! flock -n "$directory/alive" true; then held=yes; else held=no; fi
if [ -e "$directory/rc" ]; then
    echo "{ended}"
    cat "$directory/out"
    cat "$directory/err" >&2
    exit "$(cat "$directory/rc")"
elif [ "$held" = yes ]; then
    echo "{goes_on}"
    cat "$directory/{progress}" 2>/dev/null
    true
else
    echo "{gone}"
fi
"""
_REMOVE = """
rm -rf "$directory"
rmdir "$base" 2>/dev/null
true
"""


@dataclass(frozen=True)
class Answer:
    """What the target says of the command: it ``has_ended`` with ``stdout``, it goes on and ``stdout`` tells of its
    progress, or it ``is_gone`` without a return code, killed with everything around it."""

    has_ended: bool
    is_gone: bool
    stdout: str


def start(token: str, command: str, *, has_input: bool, payload: str = "") -> str:
    """Return the script that starts ``command``, a line for /bin/sh, and waits a moment for its end. The script's
    return code and standard error are the command's where that has ended. With ``has_input`` what the script is given
    becomes the command's input. The directory ``payload`` goes with the command's end.
    """
    begin = _START.format(
        refused=CANNOT_START,
        payload=PAYLOAD,
        variable=VARIABLE,
        input=_KEEP_INPUT if has_input else "",
        open=_OPEN_INPUT if has_input else "",
    )
    given = f"token={token}\ncommand={shlex.quote(command)}\npayload={shlex.quote(payload)}\n"
    return f"{given}{_WHERE}{begin}{_wait()}"


def ask(token: str, number: int) -> str:
    """Return the script that renews the lease, for the ``number``-th time, and waits a moment for the command's end."""
    return f"token={token}\nnumber={number}\n{_WHERE}{_RENEW}{_wait()}"


def remove(token: str) -> str:
    """Return the script that removes what is left of a command that has ended."""
    return f"token={token}\n{_WHERE}{_REMOVE.rstrip()}"


def read_answer(stdout: str) -> Answer | None:
    """Read what a script printed; None where it says nothing of the command, because it could not be started.

    What a login shell prints may come before it, and a terminal ends lines by two characters.
    """
    found = _SAID.search(stdout)
    if found is None:
        return None
    return Answer(found[1] == _ENDED, found[1] == _GONE, stdout[found.end() :])


def _wait() -> str:
    # No line break at its end: Ansible may add another command to it.
    return _WAIT.format(ended=_ENDED, goes_on=_GOES_ON, gone=_GONE, progress=PROGRESS).rstrip()
