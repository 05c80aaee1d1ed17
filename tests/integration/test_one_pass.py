"""The dump is one pass: what pg_dump gives is written once to one file that is opened once and not read again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ansible_collections.incomex.closeout.plugins.module_utils import _program_host
from ansible_collections.incomex.closeout.plugins.module_utils._dump import DumpRequest, take_dump
from ansible_collections.incomex.closeout.plugins.module_utils._running import at_work
from ansible_collections.incomex.closeout.plugins.module_utils._running import directory as running
from ansible_collections.incomex.closeout.plugins.module_utils._server import Address, server_at

from tests.conftest import ClusterFactory
from tests.integration.module_options import private_directory


def test_one_open_and_as_many_bytes_written_as_read(
    cluster: ClusterFactory, cutter_governance: str, tmp_path: Path, monkeypatch: Any
) -> None:
    server = cluster(16, cutter_governance)
    server.psql("CREATE TABLE public.large AS SELECT g, repeat('x', 90) FROM generate_series(1, 60000) g", "directus")
    directory = private_directory(tmp_path / "artefact")
    opened: list[str] = []
    watching = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        # An audit hook stays until the process ends.
        if watching and event == "open" and str(arguments[0]).startswith(str(directory / "prod.sql")):
            opened.append(str(arguments[0]))

    read = 0
    output = _program_host.HostProgram.output

    def counted(program: _program_host.HostProgram) -> Any:
        nonlocal read
        for piece in output(program):
            read += len(piece) if program.argv[-1] != "--version" else 0
            yield piece

    monkeypatch.setattr(_program_host.HostProgram, "output", counted)
    sys.addaudithook(watch)
    try:
        address = Address(
            login_unix_socket=str(server.socket_dir),
            login_port=server.port,
            login_user=server.user,
            login_db="directus",
            bin_dir=str(server.bin_dir),
            run_id="0a0a0a0a0a0a",
        )
        request = DumpRequest(str(directory), "prod.sql", "cutter_governance")
        with at_work(address.run_id):
            facts = take_dump(server_at(address), request)["dump"]
    finally:
        watching = False
    # Beside the lock that says that the run is at work.
    assert [path for path in opened if not path.startswith(running())] == [str(directory / "prod.sql.partial")]
    assert read == facts["size_bytes"] == facts["text_bytes"] == (directory / "prod.sql").stat().st_size > 5_000_000
