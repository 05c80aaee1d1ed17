"""A network that goes silent under a closeout, and a module that is killed: neither side waits for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _network
from ansible_collections.incomex.closeout.plugins.module_utils._dump import DumpRequest, take_dump
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._server import Address, server_at
from ansible_collections.incomex.closeout.plugins.module_utils._session import application_name

from tests.support import network
from tests.support.places import wait_until
from tests.support.postgres import Cluster, Installation

RUN_ID = "5e9a11ed0000"
SQL = """
CREATE SCHEMA cutter_governance;
CREATE TABLE cutter_governance.verify_result (verify_id int, said text);
INSERT INTO cutter_governance.verify_result SELECT n, repeat('x', 1000) FROM generate_series(1, 30000) AS n;
"""
_ENDLESS = "SELECT count(*) FROM generate_series(1, 1e15)"
_ASKS = f"""
from ansible_collections.incomex.closeout.plugins.module_utils import _network
from ansible_collections.incomex.closeout.plugins.module_utils._session import Session
import sys
_network.GONE_S = 1
where = dict(zip(("host", "port", "user", "dbname"), sys.argv[1:]))
Session(where, run_id="{RUN_ID}").rows("{_ENDLESS}")
"""


def ours(server: Cluster) -> int:
    """How many sessions of the run the server has."""
    return int(
        server.psql(f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{application_name(RUN_ID)}'")
    )


def address(server: Cluster) -> Address:
    return Address(
        login_host="127.0.0.1",
        login_port=server.port,
        login_user=server.user,
        login_db="postgres",
        bin_dir=str(server.bin_dir),
        run_id=RUN_ID,
    )


@pytest.fixture
def cut(pg_install: Callable[[int], Installation]) -> Iterator[Callable[[], None]]:
    """This thread's network is one that it can cut."""
    if os.geteuid() != 0:
        pytest.skip("a network of its own needs root")
    pg_install(16)  # by the network that there is
    with contextlib.ExitStack() as stack:
        try:
            cutting = stack.enter_context(network.of_its_own())
        except PermissionError:
            pytest.skip("a network of its own is not allowed here")
        yield cutting


@pytest.mark.parametrize("version", [14, 18])
def test_a_connection_is_asked_whether_it_lives(cluster: Callable[..., Cluster], version: int) -> None:
    """By both sides: what the server says of its settings it reads from its own end of the connection."""
    server = cluster(version, tcp=True)
    with server_at(address(server)).session() as session:
        with socket.socket(fileno=os.dup(session.descriptor())) as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            client = {
                name: connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name.upper()))
                for name in ("tcp_keepidle", "tcp_keepintvl", "tcp_keepcnt", "tcp_user_timeout")
            }
        names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
        there = [session.value("SELECT setting::int FROM pg_settings WHERE name = %s", [name]) for name in names]
    assert list(client.values()) == there == [30, 15, 6, 120_000]


def test_a_dump_ends_when_the_network_goes_silent(
    cut: Callable[[], None], pg_install: Callable[[int], Installation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so and leaves no file; and production has none of our sessions any more, no lock and no snapshot."""
    for name, seconds in {"IDLE_S": 1, "BETWEEN_S": 1, "SILENT_S": 4}.items():
        monkeypatch.setattr(_network, name, seconds)
    tmp_path.chmod(0o700)
    with Cluster(pg_install(16), tcp=True) as server:
        server.psql(SQL)
        seen: list[int] = []

        def cut_in_the_middle() -> None:
            wait_until(lambda: any(one.stat().st_size > 3_000_000 for one in tmp_path.glob("*.partial")), 60, "a dump")
            seen.append(ours(server))
            cut()

        cutting = threading.Thread(target=cut_in_the_middle)
        cutting.start()
        with pytest.raises(CloseoutError) as caught:
            take_dump(
                server_at(address(server)),
                DumpRequest(str(tmp_path), "prod.sql", "cutter_governance", limit_bytes_per_s=2_000_000),
            )
        cutting.join()
        # The snapshot's session, the one that looks who waits, and pg_dump's.
        assert seen == [3]
        assert "Production closed our session" in caught.value.message
        assert "timed out" in caught.value.found
        assert "network" in caught.value.do
        assert [one.name for one in tmp_path.iterdir()] == ["logs"]
        wait_until(lambda: ours(server) == 0, 60, "production without a session of ours")


def test_a_server_does_not_go_on_for_a_module_that_was_killed(production_cluster: Cluster) -> None:
    server = production_cluster
    asking = subprocess.Popen(
        [sys.executable, "-c", _ASKS, str(server.socket_dir), str(server.port), server.user, "postgres"], cwd="/"
    )
    wait_until(lambda: ours(server) == 1, 60, "a session")
    asking.send_signal(signal.SIGKILL)
    asking.wait(10)
    wait_until(lambda: ours(server) == 0, 60, "a server that has noticed")
