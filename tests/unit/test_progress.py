"""How far a step has come, as it is counted and as it is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._progress import Meter, told


def facts(**changed: Any) -> dict[str, Any]:
    """A restore half way."""
    return {"stage": "restore", "bytes": 500_000_000, "seconds": 10.0, "share": 0.5, "estimated": False, **changed}


def test_nothing_was_begun() -> None:
    assert Meter().as_facts() is None


def test_bytes_of_a_total() -> None:
    meter = Meter()
    meter.begin("checksum", total_bytes=400)
    meter.add(100)
    found = meter.as_facts()
    assert found is not None
    assert (found["stage"], found["bytes"], found["share"], found["estimated"]) == ("checksum", 100, 0.25, False)
    meter.begin("restore")
    found = meter.as_facts()
    assert found is not None and (found["bytes"], found["share"]) == (0, None)


@pytest.mark.parametrize("share, seen", [(0.3, 0.3), (-1.0, 0.0), (7.0, 1.0)])
def test_a_share_that_is_estimated_stays_one(share: float, seen: float) -> None:
    meter = Meter()
    meter.begin("dump", share=lambda _done: share)
    found = meter.as_facts()
    assert found is not None and found["share"] == seen and found["estimated"] is True


def test_several_threads_count() -> None:
    meter = Meter()
    meter.begin("comparison", total_bytes=1)
    threads = [threading.Thread(target=lambda: [meter.add(1) for _ in range(10_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = meter.as_facts()
    assert found is not None and found["bytes"] == 40_000


@pytest.mark.parametrize(
    "changed, line",
    [
        ({}, "restore: 500.0 MB, 50%, 50.0 MB/s, about 10 s left"),
        ({"estimated": True, "stage": "dump"}, "dump: 500.0 MB, about 50%, 50.0 MB/s, about 10 s left"),
        ({"share": None}, "restore: 500.0 MB, 50.0 MB/s, since 10 s"),
        ({"share": 0.0, "bytes": 0, "seconds": 120.0}, "restore: 0%, since 2 min"),
        ({"share": 0.01, "seconds": 120.0}, "restore: 500.0 MB, 1%, 4.2 MB/s, about 3 h 18 min left"),
        ({"bytes": 1500, "share": 1.0, "seconds": 0.0}, "restore: 1.5 kB, 100%, about 0 s left"),
    ],
)
def test_the_line(changed: dict[str, Any], line: str) -> None:
    assert told(facts(**changed)) == line
