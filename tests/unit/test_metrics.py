"""The metrics: what the exposition format asks for, whatever a database is called; files that are whole."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _metrics
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._history_line import SAME, line_of
from ansible_collections.incomex.closeout.plugins.module_utils._metrics import file_name, text_of, write
from ansible_collections.incomex.closeout.plugins.module_utils._verdict import verdict
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.evidence import passing

ENDED = 1778928427.000001
_SAMPLE = re.compile(r'incomex_closeout_([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} ([0-9.e+-]+)')


def line(**values: Any) -> dict[str, Any]:
    """The line of a run that passed."""
    evidence = passing()
    return {**line_of({**evidence, **verdict(evidence)}), **values}


def samples(text: str) -> dict[str, float]:
    """Name, and what its labels say beside those of all -> value; every line is a comment or a sample."""
    found = {}
    for one in text.splitlines():
        if not one.startswith("# "):
            match = _SAMPLE.fullmatch(one)
            assert match, one
            more = re.findall(r'(?:stage|status)="(\w+)"', match[2])
            found[" ".join([match[1], *more])] = float(match[3])
    return found


def test_the_metrics_of_a_run_that_passed() -> None:
    found = samples(text_of(line(), []))
    checks = len(verdict(passing())["checks"])
    assert found == {
        "last_result": 1,
        "last_run_timestamp_seconds": ENDED,
        "last_success_timestamp_seconds": ENDED,
        "dump_size_bytes": 4096,
        "dump_text_bytes": 4096,
        "dump_encrypted": 0,
        "rows": 810,
        "audited_rows": 780,
        "stage_duration_seconds confirm": 1.0,
        "stage_duration_seconds dump": 1.5,
        "stage_duration_seconds restore": 0.7,
        "stage_duration_seconds restore_test": 5.5,
        "stage_duration_seconds total": 33.0,
        "checks PASS": checks,
        "checks FAIL": 0,
        "checks NOT_RUN": 0,
        "checks INFO": 0,
    }


def test_the_last_success_outlives_runs_that_failed() -> None:
    """That of the same database; and without one it is long ago, not missing."""
    failed = line(result="FAIL", finished_utc="2026-05-20T00:00:00.000000Z")
    others = [line(**{name: "another"}) for name in SAME]
    assert samples(text_of(failed, others))["last_success_timestamp_seconds"] == 0
    found = samples(text_of(failed, [*others, failed, line(), line(finished_utc="2026-01-01T00:00:00.0Z")]))
    assert found["last_success_timestamp_seconds"] == ENDED
    assert (found["last_result"], found["last_run_timestamp_seconds"] > ENDED) == (0, True)


def test_what_the_run_did_not_get_to_has_no_sample() -> None:
    nothing: dict[str, Any] = {
        "size_bytes": None,
        "text_bytes": None,
        "rows": None,
        "audited_rows": None,
        "encrypted": None,
        "durations_s": {},
    }
    found = samples(text_of(line(**nothing, finished_utc="", started_utc=None), []))
    assert set(found) == {
        *("last_result", "last_run_timestamp_seconds", "last_success_timestamp_seconds"),
        *(f"checks {status}" for status in ("PASS", "FAIL", "NOT_RUN", "INFO")),
    }
    assert "# HELP incomex_closeout_rows" not in text_of(line(**nothing), [])


@given(st.text(), st.text())
def test_a_database_of_any_name_breaks_neither_file_nor_format(db: str, schema: str) -> None:
    hostile = line(db=db, audited_schema=schema)
    assert re.fullmatch(r"incomex_closeout_[A-Za-z0-9_-]{0,40}_[0-9a-f]{12}\.prom", file_name(hostile))
    text = text_of(hostile, [])
    lines = text.encode("utf-8", "replace").decode().split("\n")
    assert lines[-1] == ""
    assert len([one for one in lines[:-1] if not one.startswith("# ")]) == 17
    for one in lines[:-1]:
        assert one.startswith("# ") or _SAMPLE.fullmatch(one), one


def test_labels_say_the_name_as_it_is() -> None:
    text = text_of(line(db='a"b\\c\nd', host="größe"), [])
    assert 'db="a\\"b\\\\c\\nd"' in text
    assert 'host="größe",production="postgres"' in text


@pytest.mark.parametrize("name", SAME)
def test_each_database_has_a_file_of_its_own(name: str) -> None:
    assert file_name(line(**{name: "a/b"})) != file_name(line(**{name: "a_b"}))
    assert file_name(line(label="x", sysid="2")) == file_name(line(label="y", sysid="1"))


def test_the_file_is_whole_and_can_be_read_by_anybody(tmp_path: Path) -> None:
    path = Path(write(str(tmp_path), line(result="FAIL"), []))
    assert path == Path(write(str(tmp_path), line(), []))
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_text() == text_of(line(), [])
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(write(str(tmp_path), line(), []))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_metrics.os, "fsync", full)
    with pytest.raises(CloseoutError, match="No space left on device"):
        write(str(tmp_path), line(result="FAIL"), [])
    assert path.read_text() == text_of(line(), [])
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(CloseoutError, match="closeout_textfile_dir"):
        write(os.path.join(tmp_path, "missing"), line(), [])
