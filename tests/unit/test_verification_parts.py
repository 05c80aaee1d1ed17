"""What a verification reads of things that lay about: sums, heads, shapes, roles, and the variables that say which."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.module_utils._artefact import begin, seal
from ansible_collections.incomex.closeout.plugins.module_utils._dump_globals import DumpGlobals, globals_of
from ansible_collections.incomex.closeout.plugins.module_utils._dump_head import (
    DumpHead,
    head_of_archive,
    head_of_text,
    major_of,
)
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._globals import load_globals, role_statements
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import Manifest
from ansible_collections.incomex.closeout.plugins.module_utils._recorded import read_recorded_globals
from ansible_collections.incomex.closeout.plugins.module_utils._scanner import Scanner
from ansible_collections.incomex.closeout.plugins.module_utils._shape import (
    COUNT,
    SHA256,
    TEXT,
    Each,
    OrNull,
    assert_shape,
    read_document,
)
from ansible_collections.incomex.closeout.plugins.module_utils._sums import files_of, held, read_sums
from ansible_collections.incomex.closeout.plugins.module_utils._verification_settings import SETTINGS, read_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.places import ROOT

ROLE = ROOT / "roles" / "verify"
DIGEST = "ab" * 32


# ---- sums

_NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda name: name not in (".", "..")
)


@settings(deadline=None)
@given(names=st.sets(_NAMES, min_size=1, max_size=5))
def test_sums_are_read_as_they_are_written(names: set[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the names are: what seal() wrote, which sha256sum accepts, and what sha256sum writes."""
    directory = tmp_path_factory.mktemp("sums")
    for name in names:
        (directory / name).write_text(name)
    seal(str(directory), {})
    wanted = {name: hashlib.sha256(name.encode()).hexdigest() for name in names if name != "SHA256SUMS"}
    found = read_sums((directory / "SHA256SUMS").read_bytes())
    assert {name: digest for name, digest in found.items() if name in wanted} == wanted


def test_sums_of_coreutils_are_read(tmp_path: Path) -> None:
    for name in ("a b", "c\nd", "e\\f", "ü"):
        (tmp_path / name).write_text(name)
    made = subprocess.run(["sha256sum", "--", *os.listdir(tmp_path)], cwd=tmp_path, check=True, capture_output=True)
    assert set(read_sums(made.stdout)) == {"a b", "c\nd", "e\\f", "ü"}


@pytest.mark.parametrize(
    "line",
    ["", "no", f"{DIGEST} a", f"{DIGEST}  ", f"{DIGEST}  /etc/passwd", f"{DIGEST}  ../x", f"{DIGEST}  a/../../x",
     f"{DIGEST}  ./a", f"{DIGEST}  a//b", f"{DIGEST.upper()}  a", f"{DIGEST}  one"],
)  # fmt: skip
def test_a_line_of_sums_that_leads_elsewhere_is_refused(line: str) -> None:
    with pytest.raises(CloseoutError, match="Line 2"):
        read_sums(f"{DIGEST}  one\n{line or 'x'}\n".encode())


def test_files_are_named_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("one", "below/two"):
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "below" / "file").symlink_to(tmp_path / "one")
    os.mkfifo(tmp_path / "pipe")
    assert files_of(str(tmp_path)) == (["below/two", "one"], ["below/file", "link", "pipe"])


def test_every_sort_of_difference_is_named() -> None:
    digests = {"same": "a", "other": "b", "more": "c", "SHA256SUMS": "d", "SHA256SUMS.sig": "e"}
    found = held({"same": "a", "other": "x", "less": "y"}, digests, ["pipe"])
    assert (found["changed"], found["missing"], found["added"]) == (["other"], ["less"], ["more", "pipe"])
    assert (found["listed"], found["files"], found["added_total"]) == (3, 3, 2)


def test_the_mark_of_a_verification_is_no_closeout_s(tmp_path: Path) -> None:
    for kind in ("closeout", "verification"):
        begin(str(tmp_path / kind), "4f0c7a91b2d3", kind)
    marks = [json.loads((tmp_path / kind / ".closeout.json").read_text()) for kind in ("closeout", "verification")]
    assert marks[0]["schema"] == "incomex.closeout/artefact/1" != marks[1]["schema"]


# ---- heads


def test_the_head_of_a_plain_dump() -> None:
    text = b"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 16.15 (Debian 16.15-1)\n"
    text += b"-- Dumped by pg_dump version 18.6\n\nSET statement_timeout = 0;\n"
    assert head_of_text(text) == DumpHead("16.15 (Debian 16.15-1)", "18.6")
    assert (major_of("16.15 (Debian 16.15-1)"), major_of("18beta1"), major_of("?")) == (16, 18, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "an empty file"),
        (b"--\n-- PostgreSQL database cluster dump\n--\n", "pg_dumpall"),
        (b"toc.dat".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"),
        (b"DROP DATABASE x;\n", "something else"),
    ],
)
def test_what_is_no_dump_is_told(text: bytes, told: str) -> None:
    with pytest.raises(CloseoutError) as error:
        head_of_text(text)
    assert told in error.value.found


@settings(deadline=None)
@given(head=st.binary(max_size=200))
def test_any_head_of_an_archive_is_read_or_refused(head: bytes) -> None:
    for content in (head, b"PGDMP" + head, b"PGDMP\x01\x0f\x00\x04\x08\x01" + head):
        try:
            found = head_of_archive(content)
        except CloseoutError:
            continue
        assert isinstance(found, DumpHead)


# ---- shapes


@pytest.mark.parametrize(
    ("value", "shape", "told"),
    [
        ({"a": 1}, {"a": TEXT}, "a is not a text"),
        ({}, {"a": TEXT}, "it has no a"),
        ({"a": {"b": -1}}, {"a": {"b": COUNT}}, "a.b is not a number"),
        ({"a": True}, {"a": COUNT}, "a is not a number"),
        ({"a": ["x", 1]}, {"a": [TEXT]}, "a[1] is not a text"),
        ({"a": {"t": "x"}}, {"a": Each(SHA256)}, "a['t'] is not a sha256"),
        ([], {"a": TEXT}, "it is not a mapping"),
        ({"a": {}}, {"a": [TEXT]}, "a is not a list"),
    ],
)
def test_another_shape_is_named_where_it_is(value: Any, shape: Any, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        assert_shape(value, shape)
    assert_shape({"a": None}, {"a": OrNull(TEXT)})


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"schema": "other/1"}', b'{"schema": "s"}', b"[" * 100_000, b'{"schema": ["s"]}',
     b'{"schema": "s", "a": ' + b"9" * 5000 + b"}", b"\xff\xfe"],
)  # fmt: skip
def test_a_broken_document_is_one_clear_error(content: bytes) -> None:
    with pytest.raises(CloseoutError) as error:
        read_document(content, "s", {"a": TEXT}, what="It", do="d")
    assert str(error.value).startswith("It cannot be read") and len(str(error.value)) < 600


def test_globals_that_could_be_something_else_are_refused() -> None:
    found = globals_of(DumpGlobals(Manifest()), ("libc", "C", None))
    assert read_recorded_globals(json.dumps(found).encode()) == load_globals(json.dumps(found).encode()) == found
    for place, value in (
        ("provider", "icu; DROP DATABASE x"),
        ("encoding", None),
        ("size_bytes", "1"),
        ("collate", "../x"),
    ):
        changed = {**found, "database": {**found["database"], place: value}}
        with pytest.raises(CloseoutError, match=place):
            read_recorded_globals(json.dumps(changed).encode())


# ---- roles


def scanned(text: str) -> tuple[DumpGlobals, Scanner]:
    """What is found in a dump's text."""
    found = DumpGlobals(Manifest())
    scanner = Scanner(found)
    scanner.feed(text.encode())
    scanner.finish()
    return found, scanner


@pytest.mark.parametrize(
    ("statement", "roles"),
    [
        ("GRANT SELECT ON TABLE s.t TO reader;", ["reader"]),
        ('GRANT SELECT(a),UPDATE(b) ON TABLE s."x TO y" TO "An ""Odd"" one" WITH GRANT OPTION;', ['An "Odd" one']),
        ("GRANT ALL ON FUNCTION s.f(a text) TO PUBLIC;", []),
        ('GRANT ALL ON SCHEMA s TO "public";', ["public"]),
        ("REVOKE ALL ON TABLE s.t FROM owner_;", ["owner_"]),
        ("GRANT SELECT ON TABLE s.t TO pg_monitor;", []),
        ("ALTER TABLE s.t OWNER TO boss;", ["boss"]),
        ("ALTER LARGE OBJECT 7 OWNER TO boss;", ["boss"]),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA s GRANT SELECT ON TABLES TO reader;", ["boss", "reader"]),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE boss REVOKE ALL ON FUNCTIONS FROM PUBLIC;", ["boss"]),
        ("CREATE POLICY p ON s.t FOR SELECT TO reader, \"B, c\" USING ((x = ' TO me'::text));", ["reader", "B, c"]),
        ("CREATE POLICY p ON s.t USING ((' TO x' IS NOT NULL));", []),
        ("CREATE USER MAPPING FOR mapped SERVER s OPTIONS (user 'x');", ["mapped"]),
        ("CREATE SCHEMA s AUTHORIZATION boss;", ["boss"]),
        ("CREATE SCHEMA AUTHORIZATION boss;", ["boss"]),
        ("SET SESSION AUTHORIZATION 'it''s';", ["it's"]),
        ('SET SESSION AUTHORIZATION "Big";', ["Big"]),
        ("SET SESSION AUTHORIZATION DEFAULT;", []),
        ("SELECT 'GRANT x TO y';", []),
    ],
)
def test_the_roles_of_a_statement(statement: str, roles: list[str]) -> None:
    assert list(scanned(statement)[0].roles) == roles


def test_who_owns_is_a_superuser_and_who_only_grants_is_not() -> None:
    text = "ALTER TABLE s.t OWNER TO boss;SET SESSION AUTHORIZATION clerk;GRANT SELECT ON TABLE s.t TO reader;"
    text += "ALTER TABLE s.u OWNER TO clerk;ALTER TABLE s.v OWNER TO postgres;SET default_tablespace = fast;"
    found = scanned(text)[0]
    document = globals_of(found, ("libc", "C", None))
    statements = role_statements(document)
    assert [one for one in statements if one.startswith('CREATE ROLE "boss" NOLOGIN SUPERUSER')]
    assert [one for one in statements if one.startswith('CREATE ROLE "clerk" NOLOGIN NOSUPERUSER')]
    assert [one for one in statements if one.startswith('CREATE ROLE "reader" NOLOGIN NOSUPERUSER')]
    assert not [one for one in statements if '"postgres"' in one]
    assert [one["name"] for one in document["tablespaces"]] == ["fast"]


# ---- psql's own commands


@pytest.mark.parametrize(
    "text",
    ["\\! id\n", "SELECT 1;\n\\connect other\n", "SELECT 1 \\! id\n;", "SELECT 1 \\gexec\n",
     "COPY s.t (a) FROM stdin; \\! id\n1\n\\.\n", "\\restrict x; \\! id\n", "  \\q\n"],
)  # fmt: skip
def test_a_command_of_psql_is_told(text: str) -> None:
    commands = scanned(text)[1].commands
    assert commands and commands[0].lstrip()


@pytest.mark.parametrize(
    "text",
    ["\\restrict aB3\nSELECT 1;\n\\unrestrict aB3\n", "SELECT '\\! id';\n", 'SELECT 1 AS "\\!";\n', "-- \\! id\n",
     "/* \\! id */SELECT 1;\n", "SELECT $$\\! id$$;\n", "COPY s.t (a) FROM stdin;\n\\\\! id\n\\N\n\\.\n\nSELECT 1;\n"],
)  # fmt: skip
def test_what_pg_dump_writes_is_no_command(text: str) -> None:
    assert scanned(text)[1].commands == []


# ---- variables


def read(**given: Any) -> tuple[dict[str, Any], list[str]]:
    """Effective settings, and the variables that have a problem."""
    given = {"verify_path": "/srv/x", **given}
    found, problems = read_settings(given, run_id="4f0c7a91b2d3", stamp="20270516T104634Z", date="2027-05-16")
    return found, [one.object.removeprefix("closeout_") for one in problems]


def test_the_variables_mean_what_they_say() -> None:
    found, problems = read(verify_sysids="1, 2", label="drill", root="/b//", expected_tables="a\nb")
    assert problems == []
    assert found["record"] == "/b/verify_drill_20270516T104634Z"
    assert (found["verify_sysids"], found["expected_tables"], found["schema"]) == (["1", "2"], ["a", "b"], "")
    assert len(read(schema="cutter_governance")[0]["expected_tables"]) == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [("verify_path", ""), ("verify_path", "backups"), ("verify_path", ["/a"]), ("verify_sha256", "abc"),
     ("verify_sha256", DIGEST.upper()), ("verify_sysids", ["one"]), ("verify_sysids", {"a": 1}),
     ("verify_allowed_signers", "signers"), ("scratch_driver", "podman"), ("label", "a/b"), ("nonsense", 1),
     ("scratch_name", "a b")],
)  # fmt: skip
def test_what_cannot_be_read_is_one_problem(name: str, value: Any) -> None:
    assert read(**{name: value})[1] == [name]


def test_a_link_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(tmp_path / "really")
    assert read(verify_path=str(tmp_path / "latest"))[0]["verify_path"] == str(tmp_path / "really")


def test_the_role_says_the_same() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert defaults == {f"closeout_{name}": setting.default for name, setting in SETTINGS.items()}
    handed = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["_verify_common"]
    assert handed == {name: f"{{{{ closeout_{name} }}}}" for name in SETTINGS}
    specified = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in specified.items()} == defaults
    assert all(option["description"] for option in specified.values())
    assert {option["type"] for option in specified.values()} <= {"str", "raw"}
    text = (ROOT / "playbooks" / "verify.yml").read_text()
    assert set(re.findall(r"\bcloseout_\w+", text)) <= {"closeout_hosts", "closeout_verify_path"}
