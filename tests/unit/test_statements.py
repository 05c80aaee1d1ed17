"""The SQL that we send: it can be said in every encoding that a database may have."""

from __future__ import annotations

from types import ModuleType

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import (
    _beside_tables,
    _catalog,
    _census,
    _content,
    _globals,
    _identity,
    _preflight,
    _snapshot,
)

MODULES = (_beside_tables, _catalog, _census, _content, _globals, _identity, _preflight, _snapshot)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_statement_is_ascii(module: ModuleType) -> None:
    """A database in LATIN1 has no ellipsis: a statement that holds one fails there, and nowhere else."""
    texts = [value for name, value in vars(module).items() if name.isupper() and isinstance(value, (str, tuple, dict))]
    assert [text for text in texts if not str(text).isascii()] == []
