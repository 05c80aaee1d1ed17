"""The password file: the first matching line, as libpq reads it, of a file that is nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._passfile import match, password_from, split_line
from hypothesis import given
from hypothesis import strategies as st

_FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"))


def escaped(field: str) -> str:
    """Return a field as the manual asks for it."""
    return field.replace("\\", "\\\\").replace(":", "\\:")


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("h:1:d:u:p", ["h", "1", "d", "u", "p"]),
        ("h:1:d:u:p:q:", ["h", "1", "d", "u", "p", "q", ""]),
        (r"h\:h:1:d:u:p\\q", ["h:h", "1", "d", "u", r"p\q"]),
        (r"h:1:d:u:p\:q", ["h", "1", "d", "u", "p:q"]),
        ("h:1:d:u:", ["h", "1", "d", "u", ""]),
        ("h:1:d:u", ["h", "1", "d", "u"]),
        ("", [""]),
        ("a\\", ["a\\"]),
    ],
)
def test_a_line_is_split(line: str, fields: list[str]) -> None:
    assert split_line(line) == fields


@given(fields=st.lists(_FIELD, min_size=5, max_size=5))
def test_any_fields_survive(fields: list[str]) -> None:
    assert split_line(":".join(escaped(field) for field in fields)) == fields


@given(password=_FIELD.filter(lambda text: not text.startswith("#")))
def test_any_password_is_found_whole(password: str) -> None:
    """Only a line feed ends a line: other separators of Unicode are part of the password."""
    text = f"# x\nother:1:d:u:no\n*:*:*:*:{escaped(password)}\n"
    assert match(text, hosts=["h"], port=1, db="d", user="u") == password


@pytest.mark.parametrize(
    ("text", "password"),
    [
        ("h:5432:d:u:p", "p"),
        ("localhost:5432:d:u:p", "p"),
        ("*:*:*:*:p", "p"),
        ("h:*:d:u:p\n", "p"),
        ("h:5432:d:u:p\r\n", "p"),
        ("\n\n# h:5432:d:u:no\nh:5432:d:u:p", "p"),
        ("h:5432:d:u:first\nh:5432:d:u:second", "first"),
        ("x:5432:d:u:no\nh:5433:d:u:no\nh:5432:x:u:no\nh:5432:d:x:no\n*:*:*:*:p", "p"),
        ("h:5432:d:u:", ""),
        ("h:5432:d:u", None),
        ("", None),
        ("#*:*:*:*:p", None),
        ("H:5432:d:u:p", None),
        ("h:05432:d:u:p", None),
        (r"\h:5432:d:u:p", "p"),
    ],
)
def test_the_first_line_that_matches(text: str, password: str | None) -> None:
    assert match(text, hosts=["h", "localhost"], port=5432, db="d", user="u") == password


def _file(path: Path, text: str = "h:1:d:u:p\n", mode: int = 0o600) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_is_read(tmp_path: Path, mode: int) -> None:
    assert password_from(_file(tmp_path / "pass", mode=mode), hosts=["h"], port=1, db="d", user="u") == "p"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_a_file_that_others_may_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CloseoutError, match="not private") as caught:
        password_from(_file(tmp_path / "pass", mode=mode), hosts=["h"], port=1, db="d", user="u")
    assert caught.value.do == f"chmod 0600 {tmp_path / 'pass'}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CloseoutError, match="cannot be read") as caught:
        password_from(str(tmp_path / "pass"), hosts=["h"], port=1, db="d", user="u")
    assert str(tmp_path / "pass") in str(caught.value) and "closeout_passfile" in caught.value.do


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pass"
    if kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path.mkdir(0o700)
    with pytest.raises(CloseoutError, match="not private|cannot be read"):
        password_from(str(path), hosts=["h"], port=1, db="d", user="u")


def test_no_line_is_an_error_without_a_password_in_it(tmp_path: Path) -> None:
    with pytest.raises(CloseoutError, match="no line for this connection") as caught:
        password_from(_file(tmp_path / "pass", "h:1:d:u:secret\n"), hosts=["x", "y"], port=2, db="e", user="v")
    assert "x:2:e:v:" in caught.value.wanted
    assert "secret" not in str(caught.value)


def test_a_password_ends_at_a_colon_as_for_libpq() -> None:
    """An unescaped colon ends it; a backslash keeps it."""
    where = {"hosts": ["h"], "port": 1, "db": "d", "user": "u"}
    assert match("h:1:d:u:p:q", **where) == "p"
    assert match("h:1:d:u:p\\:q", **where) == "p:q"
