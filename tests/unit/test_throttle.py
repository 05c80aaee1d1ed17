"""A stream that is read no faster than allowed, by a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _throttle
from ansible_collections.incomex.closeout.plugins.module_utils._throttle import throttled
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    """Stands in for the module time: only what sleeps and works takes time."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def written(sizes: Iterable[int], clock: Clock, seconds_each: float) -> Iterator[bytes]:
    for size in sizes:
        clock.now += seconds_each
        yield bytes(size)


@given(
    sizes=st.lists(st.integers(1, 1 << 16), min_size=1, max_size=50),
    limit=st.integers(1, 1 << 20),
    seconds_each=st.floats(0, 2),
)
def test_no_faster_than_the_limit_and_no_slower_than_it_must(sizes: list[int], limit: int, seconds_each: float) -> None:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_throttle, "time", clock)
        arrived = []
        for piece in throttled(written(sizes, clock, seconds_each), limit):
            arrived.append((clock.now, len(piece)))
    assert [size for _moment, size in arrived] == sizes
    first = arrived[0][0]
    taken = 0
    for moment, size in arrived:
        # Before a piece comes, all before it have had their time.
        assert moment - first >= taken / limit - 1e-6
        taken += size
    slowest = max(taken / limit, seconds_each * len(sizes)) + seconds_each * len(sizes)
    assert clock.now - 100.0 <= slowest + 1e-6


def test_no_limit_takes_no_time_at_all() -> None:
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_throttle, "time", clock)
        assert list(throttled([b"a", b"b"], 0)) == [b"a", b"b"]
    assert clock.now == 100.0
