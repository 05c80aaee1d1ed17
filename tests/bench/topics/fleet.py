"""One play over several hosts: how much longer than one host takes."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from functools import partial

from tests.bench.alternatives import directory
from tests.bench.bench import Bench
from tests.bench.data import Shape
from tests.bench.errors import BenchError
from tests.bench.measure import Sample, interleaved
from tests.bench.programs import TIMEOUT_S
from tests.bench.results import Case
from tests.bench.servers import Server
from tests.support.playbook import AS_USERS_HAVE_IT, run_playbook
from tests.support.sshd import Sshd, sshd

HOSTS = (1, 2, 4, 8)
_QUICK_HOSTS = (1, 2)
_EMPTY = Shape("shop", 0)


def name_of(count: int) -> str:
    """What a number of hosts is called."""
    return f"{count} {'host' if count == 1 else 'hosts'}"


def measure(bench: Bench) -> Iterator[Case]:
    """All hosts are this machine, each by an sshd of its own, as many at a time as there are."""
    server = bench.docker or bench.local
    counts = _QUICK_HOSTS if bench.options.quick else HOSTS
    with contextlib.ExitStack() as stack:
        hosts = [stack.enter_context(sshd(is_measured=True)) for _number in range(counts[-1])]
        db = bench.database(server, _EMPTY)
        contestants = {name_of(count): partial(_closeouts, server, db, hosts[:count]) for count in counts}
        contestants[f"{name_of(1)}, without pipelining"] = partial(_closeouts, server, db, hosts[:1], "0")
        samples = interleaved("fleet", contestants, bench.options.repeats)
    yield Case("fleet", "an almost empty database a host", samples)


def _closeouts(server: Server, db: str, hosts: list[Sshd], pipelining: str = "1") -> Sample:
    """One play over `hosts`, with Ansible's pipelining or without ("0"); BenchError unless each passes."""
    with directory() as own:
        lines = []
        for number, host in enumerate(hosts):
            (own / f"root{number}").mkdir(mode=0o700)
            lines.append(f"host{number} {host.inventory} closeout_root={own}/root{number}")
        variables = {**server.variables, "closeout_db": db, "closeout_summary_dir": str(own / "summary")}
        began = time.monotonic()
        done = run_playbook(
            variables,
            inventory="\n".join(["[closeout]", *lines, ""]),
            env={**AS_USERS_HAVE_IT, "ANSIBLE_FORKS": str(len(hosts)), "ANSIBLE_PIPELINING": pipelining},
            timeout_s=TIMEOUT_S,
        )
        seconds = time.monotonic() - began
        if done.rc != 0:
            raise BenchError(f"the closeouts of {len(hosts)} hosts ended with {done.rc}: {done.stdout[-3000:]}")
        summary = json.loads((own / "summary" / "fleet.json").read_text())
        if summary["passed_total"] != len(hosts) or summary["result"] != "ALL_PASS":
            raise BenchError(f"of {len(hosts)} closeouts {summary['passed_total']} passed")
        return Sample(seconds)
