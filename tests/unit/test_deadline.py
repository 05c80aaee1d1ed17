"""A deadline holds whatever becomes of the time of day."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._deadline import deadline, is_past

LONG_AGO, FAR_AWAY = "2001-01-01T00:00:00.000000Z", "2101-01-01T00:00:00.000000Z"


def test_later_and_past() -> None:
    assert not is_past(*deadline(60))
    assert is_past(*deadline(-1))


def test_the_clock_of_this_boot_decides() -> None:
    """Somebody sets the time of day: forward, and a run that is alive stays; backward, and what is dead goes."""
    assert not is_past(LONG_AGO, deadline(60)[1])
    assert is_past(FAR_AWAY, deadline(-1)[1])


@pytest.mark.parametrize("boot", ["00000000-0000-0000-0000-000000000000 1.00", "None", ""])
def test_another_boot_or_host_or_version_leaves_the_time_of_day(boot: str) -> None:
    assert is_past(LONG_AGO, boot)
    assert not is_past(FAR_AWAY, boot)


@pytest.mark.parametrize("expires", ["yesterday", "", "2001-01-01"])
def test_what_cannot_be_read_is_not_past(expires: str) -> None:
    assert not is_past(expires, "")
    assert not is_past(expires, deadline(0)[1].split()[0] + " soon")
