"""What hostile code tries, to get out of where it runs: a script that says of each attempt whether it came off.

The same script serves restored code, a hostile pg_dump, and the control, where nothing holds it and all must come off.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import session

MARK = "of-the-host-7f3d9b"
_COMM = "drill-canary"
# `attempt NAME COMMAND…`: one line of output each. perl, because an image of PostgreSQL has it, and no other language.
_SCRIPT = r"""
cd /
attempt() {
    name=$1; shift
    if said=$("$@" 2>&1 < /dev/null); then echo "attempt: $name: came off"; else
        echo "attempt: $name: failed: $(echo $said | tr -dc '[:print:]' | tail -c 120)"; fi
}
canary() {
    for process in /proc/[0-9]*; do
        if [ "$(cat $process/comm 2> /dev/null)" = @COMM@ ]; then echo ${process#/proc/}; return 0; fi
    done
    return 1
}
unix() {
    perl -MSocket -e '($to, $say) = @ARGV; $to =~ s/^@/\0/; socket(S, AF_UNIX, SOCK_STREAM, 0) or die "$!\n";
        connect(S, pack_sockaddr_un($to)) or die "$!\n"; syswrite(S, $say); sysread(S, $got, 9000); print $got' "$@"
}
tcp() { timeout 5 bash -c 'exec 3<> /dev/tcp/127.0.0.1/$0 && echo by-tcp >&3' "$1"; }
udp() { timeout 5 bash -c 'echo by-udp > /dev/udp/127.0.0.1/$0' "$1"; }
interface() { ls /sys/class/net | grep -v '^lo$'; }
daemon() { unix "$1" "$(printf 'GET /_ping HTTP/1.0\r\n\r\n.')" | grep -i api-version; }
through_proc() {
    for process in /proc/[0-9]*; do
        for way in root cwd; do if grep -l @MARK@ $process/$way/@CANARY@; then return 0; fi; done
    done
    return 1
}
over_descriptors() {
    perl -e '($name, $canary, $mark) = @ARGV;
        for $number (0 .. 255) {
            open($given, "<&=", $number) && chdir($given) or next;
            if (open($file, ">>", $name)) { syswrite($file, "broken\n"); exit 0 }
            for ("./$canary", "../$canary") { exit 0 if open($file, "<", $_) && grep(/$mark/, <$file>) }
        }
        exit 1' @NAME@ @CANARY@ @MARK@
}
attached() { perl -e 'syscall(101, 0x4206, $ARGV[0] + 0, 0, 0) == 0 or die "$!\n"' "$(canary)"; }
killed() { kill -0 $(canary); }
device() { mknod @HERE@/disk b 7 0 && rm @HERE@/disk; }
mounted() { mount -t tmpfs none /mnt && umount /mnt; }
remounted() { mount -o remount,bind,rw /closeout-dump; }
write_root() { echo broken > /usr/local/bin/broken && rm /usr/local/bin/broken; }
setuid() { [ "$(/usr/local/bin/rootsh -p -c 'id -u')" = 0 ]; }
filecaps() { /usr/local/bin/capcat /etc/shadow; }
kernel() { [ -w /proc/sys/kernel/core_pattern ]; }
entered() { nsenter --target "$(canary)" --mount --net true; }

attempt "the network: TCP" tcp @TCP@
attempt "the network: a datagram, as for DNS" udp @UDP@
attempt "the network: another interface" interface
attempt "the network: an abstract socket" unix @ABSTRACT@ by-abstract
attempt "the Docker daemon" daemon @SOCKET@
attempt "read a file of the host" grep @MARK@ @CANARY@
attempt "write a file of the host" bash -c 'echo broken >> @CANARY@.written'
attempt "a file of the host through /proc" through_proc
attempt "a directory of the host through a descriptor" over_descriptors
attempt "see a process of the host" canary
attempt "kill a process of the host" killed
attempt "trace a process of the host" attached
attempt "the environment of a process of the host" grep -a @MARK@ /proc/$(canary)/environ
attempt "enter the namespaces of the host" entered
attempt "a device" device
attempt "a mount" mounted
attempt "the dump made writable" remounted
attempt "write into the dump" bash -c 'echo broken >> /closeout-dump'
attempt "write the root file system" write_root
attempt "a set-user-ID program" setuid
attempt "a program with capabilities" filecaps
attempt "a user namespace of its own" unshare --user --map-root-user true
attempt "a setting of the kernel" kernel
"""
_LIMITS = r"""
attempt "more processes than the limit" perl -e 'for (1 .. 700) { $pid = fork; defined $pid or last;
    if (!$pid) { sleep 60; exit } push @all, $pid } kill 9, @all; waitpid $_, 0 for @all;
    @all == 700 or die "after " . @all . " processes: $!\n"'
attempt "more memory than the limit" perl -e '$much = "x" x (@MIB@ << 20)'
"""
_FACTS = r"""
while read -r name value; do
    case $name in Uid:|Gid:|Groups:|Cap*|NoNewPrivs:|Seccomp:) echo "fact: $name $value" ;; esac
done < /proc/$$/status
for name in mnt pid ipc net uts user; do echo "fact: ns/$name: $(readlink /proc/self/ns/$name)"; done
echo "fact: interfaces: $(echo $(ls /sys/class/net))"
while read -r _ _ _ from at options rest; do echo "fact: mount $at: $options $from"; done < /proc/self/mountinfo
"""


@dataclass
class Targets:
    """What hostile code would get at on this host, and what was heard of it there."""

    canary: Path
    process: int
    tcp: int
    udp: int
    abstract: str
    socket: str
    heard: list[str]

    def script(self, *, here: str, mib: int = 0, facts: bool = True) -> str:
        """The attempts, for code that may write below `here`; with those at the limits where `mib` is not 0."""
        text = _SCRIPT + (_LIMITS if mib else "") + (_FACTS if facts else "")
        words = {
            "COMM": _COMM,
            "MARK": MARK,
            "CANARY": str(self.canary),
            "NAME": self.canary.name,
            "HERE": here,
            "TCP": str(self.tcp),
            "UDP": str(self.udp),
            "ABSTRACT": f"@{self.abstract}",
            "SOCKET": self.socket,
            "MIB": str(mib),
        }
        return re.sub(r"@([A-Z]+)@", lambda found: words[found.group(1)], text)

    @property
    def untouched(self) -> bool:
        """Whether the file and the process of the host are as they were, and nothing was heard from inside."""
        whole = self.canary.read_text() == f"{MARK}\n" and not Path(f"{self.canary}.written").exists()
        return whole and Path(f"/proc/{self.process}").exists() and not self.heard


@contextlib.contextmanager
def targets(directory: Path, docker_host: str) -> Iterator[Targets]:
    """Make them, in a directory that everybody may read and write; they go with the block."""
    directory.chmod(0o777)
    canary = directory / "canary"
    canary.write_text(f"{MARK}\n")
    canary.chmod(0o666)
    # Of its own name, by which the script knows it.
    program = Path(shutil.copy(shutil.which("sleep") or "/bin/sleep", directory / _COMM))
    heard: list[str] = []
    abstract = f"closeout-drill-{session.ID}"
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([str(program), "3600"], env={"SECRET": MARK}))
        stack.callback(process.kill)
        places = {}
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
        ):
            listener = socket.socket(family, kind)
            listener.bind(address)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            thread = threading.Thread(target=_listen, args=(listener, heard), daemon=True)
            thread.start()
            stack.callback(_end, listener, thread)
            places[family, kind] = listener.getsockname()
        yield Targets(
            canary,
            process.pid,
            places[socket.AF_INET, socket.SOCK_STREAM][1],
            places[socket.AF_INET, socket.SOCK_DGRAM][1],
            abstract,
            docker_host.removeprefix("unix://"),
            heard,
        )


def _listen(listener: socket.socket, heard: list[str]) -> None:
    """Keep what anybody sends."""
    while True:
        try:
            if listener.type == socket.SOCK_DGRAM:
                said = listener.recv(100)
            else:
                connected = listener.accept()[0]
                with connected:
                    heard.append("a connection")
                    said = connected.recv(100)
        except OSError:
            return
        if said:
            heard.append(said.decode(errors="replace").strip())


def _end(listener: socket.socket, thread: threading.Thread) -> None:
    """Close a listener, and wait for who listens."""
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def outcomes(text: str) -> dict[str, str]:
    """What became of each attempt that a text (a log, a file) tells of."""
    return dict(re.findall(r"attempt: (.+?): (came off|failed.*)$", text, re.MULTILINE))


def facts(text: str) -> dict[str, str]:
    """What the code saw of itself."""
    return dict(re.findall(r"fact: (.+?): (.*)$", text, re.MULTILINE))


def names(*, limits: bool = False) -> set[str]:
    """The names of the attempts: those of the script, each of which must be told."""
    return set(re.findall(r'^attempt "(.+?)"', _SCRIPT + (_LIMITS if limits else ""), re.MULTILINE))
