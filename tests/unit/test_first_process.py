"""Which first process of a container is PostgreSQL: by the name that the kernel has, of which it keeps 15 bytes."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _first_process


@pytest.mark.parametrize(
    ("name", "is_postgresql"),
    [
        ("postgres", True),
        ("postmaster", True),
        ("edb-postgres", True),
        (".postgres-wrapp", True),
        ("docker-init", False),
        ("patroni", False),
        ("sh", False),
        ("", False),
    ],
)
def test_its_name(name: str, is_postgresql: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_first_process, "_status", lambda _pid: {"Name": name})
    assert _first_process._is_postgresql(1) is is_postgresql
