"""An error says what failed, what was wanted and found, and what to do: as far as each is known."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import (
    CloseoutError,
    ConnectionFailed,
    DumpChanged,
    GuardFailed,
    NotOurs,
    ProgramFailed,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CloseoutError("It failed"), "It failed"),
        (CloseoutError("It failed", wanted="a"), "It failed. Wanted: a."),
        (CloseoutError("It failed", found="b"), "It failed. Found: b."),
        (CloseoutError("It failed", do="c"), "It failed. What to do: c."),
        (CloseoutError("It failed", wanted="a", found="b", do="c"), "It failed. Wanted: a. Found: b. What to do: c."),
        (CloseoutError("Did it fail?", do="c"), "Did it fail? What to do: c."),
    ],
)
def test_the_message(error: CloseoutError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize("kind", [ConnectionFailed, NotOurs, ProgramFailed, DumpChanged, GuardFailed])
def test_every_kind_carries_the_facts_that_were_known(kind: type[CloseoutError]) -> None:
    error = kind("It failed", facts={"dump": {"rc": 1}})
    assert isinstance(error, CloseoutError)
    assert error.facts == {"dump": {"rc": 1}}
    assert kind("It failed").facts == {}
    assert kind("one").facts is not kind("other").facts
