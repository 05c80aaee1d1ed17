"""The parts of the preflight that need no server: files of an installation, locales, room, lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._findings import Findings, size, some
from ansible_collections.incomex.closeout.plugins.module_utils._installation import (
    Installation,
    default_version,
    read_installation,
)
from ansible_collections.incomex.closeout.plugins.module_utils._locales import files_have, host_has
from ansible_collections.incomex.closeout.plugins.module_utils._plan_lines import lines_of
from ansible_collections.incomex.closeout.plugins.module_utils._preflight_needs import Needs
from ansible_collections.incomex.closeout.plugins.module_utils._preflight_offer import Offer, hold, hold_version
from ansible_collections.incomex.closeout.plugins.module_utils._preflight_space import Sizes, look_for_space
from ansible_collections.incomex.closeout.plugins.module_utils._scratch_files import Files
from ansible_collections.incomex.closeout.plugins.module_utils._settings import read_settings

SERVER = b"\0postgres (PostgreSQL) 14.4 (Debian 14.4-1)\n\0allow_in_place_tablespaces\0"
BIN = "/usr/lib/postgresql/14/bin"
CONTROL = b"comment = 'x'\ndefault_version = '1.3'\nrelocatable = true\n"


class Given(Files):
    """Files as a test says; None is one that cannot be read."""

    def __init__(self, files: dict[str, bytes | None]) -> None:
        self._files = files

    def real(self, path: str) -> str:
        return path if path in self._files else ""

    def read(self, path: str) -> bytes | None:
        if path in self._files and self._files[path] is None:
            raise CloseoutError("too large")
        return self._files.get(path)


def needs(**more: Any) -> Needs:
    """The needs of a database that needs nothing."""
    nothing: dict[str, Any] = {
        "version": "14.4",
        "major": 14,
        "database": {},
        "extensions": [],
        "locales": {},
        "icu": [],
        "tablespaces": [],
        "preloaded": {},
        "may_have_extension_path": False,
    }
    return Needs(**{**nothing, **more})


def settings(root: Path, **more: Any) -> dict[str, Any]:
    """Effective settings."""
    given = {"root": str(root), **more}
    effective: dict[str, Any]
    effective, problems = read_settings(given, run_id="0a0a0a0a0a0a", stamp="20260516T104634Z", date="2026-05-16")
    assert problems == []
    return effective


@pytest.mark.parametrize(
    "share",
    [
        "/usr/share/postgresql/14/extension",
        "/usr/lib/postgresql/14/share/extension",
        "/usr/lib/postgresql/14/share/postgresql/extension",
    ],
)
def test_an_installation_is_read_from_its_files(share: str) -> None:
    files = Given(
        {f"{BIN}/postgres": SERVER, f"{share}/plpgsql.control": CONTROL, f"{share}/bare.control": b"comment = 'x'\n"}
    )
    found = read_installation(files, ["/usr/bin", BIN])
    assert found == Installation(BIN, 14, "14.4 (Debian 14.4-1)", True, True, share)
    assert default_version(files, found, "plpgsql") == "1.3"
    assert default_version(files, found, "bare") == ""
    assert default_version(files, found, "none") is None


def test_what_the_files_do_not_tell_is_not_known() -> None:
    """No postgres; a script in its place; extensions in two places."""
    assert read_installation(Given({}), [BIN]) is None
    two = {f"/usr/lib/postgresql/14/share/{one}plpgsql.control": CONTROL for one in ("extension/", "pgsql/extension/")}
    found = read_installation(Given({f"{BIN}/postgres": b"#!/bin/sh\n", **two}), [BIN])
    assert found is not None and (found.major, found.version, found.extensions) == (0, "", "")


def test_a_build_without_icu_says_so() -> None:
    found = read_installation(Given({f"{BIN}/postgres": SERVER + b"ICU is not supported in this build\0"}), [BIN])
    assert found is not None and not found.has_icu


def test_tablespaces_that_an_old_minor_version_cannot_make() -> None:
    found = Findings()
    old = Installation(BIN, 14, "14.4", True, False, "/share")
    hold(found, needs(tablespaces=["fast"]), Offer(Given({}), old, "image x", "take another"))
    assert [(one.id, one.object) for one in found.problems] == [("tablespaces", "fast")]
    hold(found, needs(), Offer(Given({}), old, "image x", "take another"))
    assert len(found.problems) == 1


@pytest.mark.parametrize(
    ("production", "client", "scratch", "problem", "note"),
    [
        (16, 16, 16, False, False),
        (16, 16, 15, True, False),
        (16, 17, 16, True, False),
        (16, 17, 17, False, True),
        (15, 16, 15, False, True),
        (17, 18, 17, False, True),
        (16, 0, 16, False, False),
        (0, 17, 16, True, False),
    ],
)
def test_versions(production: int, client: int, scratch: int, problem: bool, note: bool) -> None:
    found = Findings()
    known = needs(major=production) if production else None
    hold_version(found, scratch, f"{scratch}.1", needs=known, client_major=client, do="take another")
    assert (bool(found.problems), bool(found.notes)) == (problem, note)
    assert all(one.wanted and one.found and one.do for one in found.problems)


@pytest.mark.parametrize(
    ("name", "has"),
    [
        ("C", True),
        ("POSIX", True),
        ("en_US.utf8", True),
        ("en_US.UTF-8", True),
        ("en_US", False),
        ("en_GB.utf8", False),
        ("n_US.utf8", False),
        ("de_DE.UTF-8", True),
        ("de_DE@euro", True),
        ("de_AT.UTF-8", False),
        ("sv_SE.utf8", False),
        ("swedish", None),
        ("Deutsch_Deutschland.1252", None),
    ],
)
def test_a_locale_is_found_by_each_of_its_spellings(name: str, has: bool | None) -> None:
    files = Given(
        {
            "/usr/lib/locale/locale-archive": b"\x09\x02\0\0sv\0en_US.utf8\0\0rest",
            "/usr/lib/locale/de_DE/LC_CTYPE": b"",
        }
    )
    assert files_have(files, name) is has


def test_another_c_library_or_an_archive_that_is_too_large_tells_nothing() -> None:
    assert files_have(Given({}), "en_US.utf8") is None
    assert files_have(Given({"/usr/lib/locale/locale-archive": None}), "en_US.utf8") is None
    assert files_have(Given({"/usr/lib/locale/C.utf8/LC_CTYPE": b""}), "en_US.utf8") is False


def test_the_host_s_own_library_is_asked() -> None:
    assert host_has("C") and not host_has("xx_XX.utf8") and not host_has("with\0zero")


def test_room_is_in_the_way_only_where_there_is_less_than_half(tmp_path: Path) -> None:
    """And told where there is less than twice as much."""
    status = os.statvfs(tmp_path)
    free = status.f_bavail * status.f_frsize
    for part, problems, notes in ((0.1, 0, 0), (0.9, 0, 1), (1.5, 0, 1), (3, 1, 0)):
        found = Findings()
        # No path of the scratch server's: the dump alone.
        look_for_space(found, settings(tmp_path), Sizes(database=1, tables=int(free * part)))
        assert (len(found.problems), len(found.notes)) == (problems, notes), part
        assert found.facts["space"][0]["paths"] == [str(tmp_path)]
    look_for_space(found, settings(tmp_path, compression="gzip"), Sizes(database=1, tables=int(free * 3)))
    assert len(found.problems) == 1


def test_no_room_at_all_is_in_the_way_of_anything() -> None:
    """Nothing can be written to /proc, which a superuser may try."""
    found = Findings()
    look_for_space(found, settings(Path("/proc")), Sizes())
    assert [one.object for one in found.problems] == ["/proc"]


def test_a_daemon_whose_room_cannot_be_seen_is_told(tmp_path: Path) -> None:
    for storage, notes in (("", 1), (str(tmp_path), 0)):
        found = Findings(facts={"scratch_storage_path": storage})
        look_for_space(found, settings(tmp_path), Sizes(database=1, tables=1))
        assert (len(found.problems), len(found.notes)) == (0, notes)


def test_dump_and_copy_on_one_file_system_are_added_up(tmp_path: Path) -> None:
    found = Findings(facts={"scratch_storage_path": str(tmp_path)})
    look_for_space(found, settings(tmp_path, scratch_driver="local", scratch_storage="tmpfs"), Sizes(10**18, 10**17))
    (problem,) = found.problems
    assert "100000 TB for the dump, 1000000 TB for the restored copy" in problem.wanted
    assert len(found.facts["space"]) == 1


def test_memory_for_a_copy_that_is_kept_in_memory(tmp_path: Path) -> None:
    for memory, problems in ((1024, 1), (4096, 0)):
        found = Findings(facts={"scratch_storage_path": str(tmp_path)})
        given = settings(tmp_path, scratch_storage="tmpfs", scratch_memory_mb=memory)
        look_for_space(found, given, Sizes(database=2 << 30, tables=1 << 20))
        assert [one.object for one in found.problems] == ["closeout_scratch_memory_mb"] * problems


@pytest.mark.parametrize(("limit", "seconds"), [(0, 21), (10, 101), (500, 21)])
def test_how_long_a_dump_takes(tmp_path: Path, limit: int, seconds: int) -> None:
    assert Sizes(tables=10**9).dump_s(settings(tmp_path, bandwidth_limit_mb_s=limit)) == seconds


def test_the_plan_says_what_could_not_be_told(tmp_path: Path) -> None:
    lines = lines_of(settings(tmp_path), {}, ready=False)
    assert len([line for line in lines if "could not be told" in line]) == 4
    assert lines[-1] == "Ready: no, see the problems"
    assert len(lines_of(settings(tmp_path), {}, ready=True)) == len(lines)


def test_names_and_sizes_as_people_read_them() -> None:
    assert some(["a", "b"]) == "a, b" and some([]) == ""
    assert some(range(205)).endswith("198, 199 and 5 more")
    assert [size(n) for n in (0, 999, 1000, 12_345, 655_000_000, 2_500_000_000, 10**16)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "12 kB",
        "655 MB",
        "2.5 GB",
        "10000 TB",
    ]
