"""Nothing is removed, and no pg_restore is started, before the guard has been in that very server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _restore, _restore_archive
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._identity import Identity
from ansible_collections.incomex.closeout.plugins.module_utils._restore_archive import ArchiveRestore
from ansible_collections.incomex.closeout.plugins.module_utils._restore_request import RestoreRequest

GUARD = "closeout guard: this is not the scratch server of this run"


class _Production:
    """A server in which the guard fails; what else it was asked to do."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @contextlib.contextmanager
    def session(self, _db: str = "", *, read_only: bool = True) -> Iterator[_Production]:
        yield self

    def rows(self, query: str, _parameters: Any = None) -> list[Any]:
        self.asked.append(query)
        if GUARD in query:
            raise CloseoutError(GUARD)
        return []

    def connection_arguments(self) -> list[str]:
        return []

    def start(self, argv: list[str], **_options: Any) -> None:
        self.asked.append(argv[0])


@pytest.fixture
def request_() -> RestoreRequest:
    """A restore that was begun in a scratch server."""
    production = Identity("1", "16.1", 160001, False, "then", "/data", None)
    return RestoreRequest("/dump", "directus", {}, production, "nonce")


def test_a_database_is_made_anew_behind_the_guard_only(request_: RestoreRequest) -> None:
    server: Any = _Production()
    with pytest.raises(CloseoutError, match="guard"):
        _restore._make_anew(server, request_, "given up")
    assert server.asked == [request_.guard_statement()]


def test_pg_restore_is_started_behind_the_guard_only(request_: RestoreRequest) -> None:
    server: Any = _Production()
    archive = ArchiveRestore("/dump", "directus", 2, request_.guard_statement())
    with pytest.raises(CloseoutError, match="guard"):
        _restore_archive._run(server, archive, "")
    assert server.asked == [request_.guard_statement()]
