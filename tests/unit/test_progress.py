"""How far a step has come, as it is counted and as it is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dump_share import DumpShare
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest
from ansible_collections.incomex.closeout.plugins.module_utils._progress import Meter, told
from ansible_collections.incomex.closeout.plugins.module_utils._scanner import Scanner


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
    threads = [threading.Thread(target=lambda: [meter.add(1) for _turn in range(10_000)]) for _turn in range(4)]
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


def test_a_dump_is_as_far_as_its_tables_are() -> None:
    """Those that are whole count by their pages; the one that comes now by its bytes, and never as whole."""
    manifest = Manifest()
    scanner = Scanner(manifest)
    share = DumpShare(manifest, {("public", "a"): 100, ("public", "b"): 300})
    scanner.feed(b"CREATE TABLE public.a (x int);\nCREATE TABLE public.b (x int);\nCOPY public.a (x) FROM stdin;\n1\n")
    assert share(50) == 0.0
    assert share(50 + 50 * 8192) == 0.125
    assert share(50 + 500 * 8192) == pytest.approx(0.95 / 4)
    scanner.feed(b"2\n\\.\n\n")
    assert share(900) == 0.25
    scanner.feed(b"COPY public.b (x) FROM stdin;\n1\n")
    assert share(1000) == 0.25
    scanner.feed(b"\\.\n\n")
    assert share(2000) == 1.0
