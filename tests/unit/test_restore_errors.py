"""What psql says of a restore: every error found, and tolerated only for what a missing role explains."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._restore_errors import (
    LEFT_OUT,
    RestoreError,
    read_archive_errors,
    read_errors,
    summarize,
    without_rows,
    without_texts,
)
from hypothesis import given, settings
from hypothesis import strategies as st

MESSAGES = """\
psql:<stdin>:4: ERROR:  42704: role "ghost" does not exist
LOCATION:  get_role_oid, acl.c:5271
psql:<stdin>:4: STATEMENT:  ALTER TABLE t
  OWNER TO ghost;
psql:<stdin>:9: ERROR:  22P02: invalid input syntax for type integer: "x"
LOCATION:  pg_strtoint32_safe, numutils.c:617
psql:<stdin>:9: STATEMENT:  COPY t FROM stdin;
psql:<stdin>:10: ERROR:  42704: role "ghost" does not exist
psql:<stdin>:10: STATEMENT:  CREATE POLICY p ON t TO ghost;
psql:<stdin>:15: WARNING:  01000: ERROR:  42704: role "ghost" does not exist
"""


def said(state: str, message: str, statement: str, line: int = 7) -> str:
    """Return what psql says of one error."""
    return (
        f"psql:<stdin>:{line}: ERROR:  {state}: {message}\nLOCATION:  somewhere, acl.c:1\n"
        f"psql:<stdin>:{line}: STATEMENT:  {statement}\n"
    )


def test_the_sample_is_read_error_by_error() -> None:
    found = read_errors(MESSAGES)
    assert [(one.line, one.sqlstate, one.message) for one in found] == [
        (4, "42704", 'role "ghost" does not exist'),
        (9, "22P02", 'invalid input syntax for type integer: "x"'),
        (10, "42704", 'role "ghost" does not exist'),
    ]
    assert [one.statement for one in found] == [
        "ALTER TABLE t\n  OWNER TO ghost;",
        "COPY t FROM stdin;",
        "CREATE POLICY p ON t TO ghost;",
    ]
    assert [one.tolerated_class for one in found] == ["owner", "", ""]


def test_the_sample_is_summed_up() -> None:
    found = read_errors(MESSAGES)
    by_hand = summarize(found, tolerate=True)
    assert (by_hand["total"], by_hand["fatal_total"]) == (3, 2)
    assert by_hand["tolerated"] == {"role": 0, "owner": 1, "acl": 0}
    assert by_hand["fatal"] == [
        'line 9: 22P02: invalid input syntax for type integer: "x" [COPY t FROM stdin;]',
        'line 10: 42704: role "ghost" does not exist [CREATE POLICY p ON t TO ghost;]',
    ]
    strict = summarize(found, tolerate=False)
    assert (strict["total"], strict["fatal_total"], strict["tolerated"]) == (3, 3, {"role": 0, "owner": 0, "acl": 0})


def test_only_the_first_fatal_errors_are_shown_and_all_are_counted() -> None:
    found = summarize(read_errors(said("22P02", "x", "COPY t FROM stdin;") * 50), tolerate=True, show=3)
    assert isinstance(found["fatal"], list)
    assert (found["total"], found["fatal_total"], len(found["fatal"])) == (50, 50, 3)


@pytest.mark.parametrize(
    "messages", ["", "\n", "SET\nCREATE TABLE\n", "psql:<stdin>:1: NOTICE:  00000: hello\n", "ERROR:  x\n"]
)
def test_what_is_no_error_is_none(messages: str) -> None:
    assert read_errors(messages) == []
    assert summarize([], tolerate=True)["total"] == 0


@pytest.mark.parametrize(
    ("line", "number", "state", "message"),
    [
        ("psql:<stdin>:4: ERROR:  42P01: no table", 4, "42P01", "no table"),
        ("psql:<stdin>:4: FATAL:  57P01: terminating", 4, "57P01", "terminating"),
        ("psql:<stdin>:4: PANIC:  XX000: no", 4, "XX000", "no"),
        ("psql:<stdin>:4: error: invalid command \\foo", 4, "", "invalid command \\foo"),
        ("psql:<stdin>:4: fatal: out of memory", 4, "", "out of memory"),
        ("psql: error: connection to server failed", 0, "", "connection to server failed"),
        ("psql: ERROR:  42501: no", 0, "42501", "no"),
        ("psql:<stdin>:4: ERROR:  no state", 4, "", "no state"),
    ],
)
def test_every_kind_of_error_counts(line: str, number: int, state: str, message: str) -> None:
    (error,) = read_errors(line + "\n")
    assert (error.line, error.sqlstate, error.message, error.tolerated_class) == (number, state, message, "")


@pytest.mark.parametrize(
    ("state", "message", "statement", "expected"),
    [
        ("42704", 'role "g" does not exist', "ALTER TABLE a.t OWNER TO g;", "owner"),
        ("42704", 'role "g h" does not exist', 'ALTER FUNCTION a.f(x integer, y text) OWNER TO "g h";', "owner"),
        ("42704", 'role "a""b" does not exist', 'ALTER SCHEMA s OWNER TO "a""b";', "owner"),
        ("42501", "permission denied", "ALTER TABLE a.t OWNER TO g;", "owner"),
        ("42704", 'role "g" does not exist', "GRANT ALL ON TABLE a.t TO g;", "acl"),
        ("42704", 'role "g" does not exist', "REVOKE ALL ON TABLE a.t FROM g;", "acl"),
        ("42704", 'role "g" does not exist', "ALTER DEFAULT PRIVILEGES FOR ROLE g GRANT SELECT ON TABLES TO h;", "acl"),
        ("42501", "permission denied for schema s", "GRANT USAGE ON SCHEMA s TO g;", "acl"),
        ("42710", 'role "g" already exists', "CREATE ROLE g;", "role"),
        ("42710", 'role "g" already exists', "CREATE USER g;", "role"),
        # Another object, another state, another statement: each alone is enough.
        ("42704", 'type "g" does not exist', "ALTER TABLE a.t OWNER TO g;", ""),
        ("42704", 'text search configuration "role "g" does not exist', "GRANT ALL ON TABLE a.t TO g;", ""),
        ("42P01", 'role "g" does not exist', "ALTER TABLE a.t OWNER TO g;", ""),
        ("42P01", 'relation "a.t" does not exist', "GRANT ALL ON TABLE a.t TO g;", ""),
        ("42704", 'role "g" does not exist', "CREATE TABLE a.t (x int);", ""),
        ("42704", 'role "g" does not exist', "COPY a.t (x) FROM stdin;", ""),
        ("42704", 'role "g" does not exist', "CREATE POLICY p ON t TO g;", ""),
        ("42704", 'role "g" does not exist', "SELECT 'GRANT ALL ON TABLE a.t TO g;';", ""),
        ("42704", 'role "g" does not exist', "ALTER TABLE a.t ADD CHECK (f(' OWNER TO g'));", ""),
        ("42704", 'role "g" does not exist', "ALTER TABLE a.t ALTER x SET DEFAULT ' OWNER TO g;';", ""),
        ("42704", 'role "g" does not exist', "ALTER TABLE a.t ALTER x SET DEFAULT f(' OWNER TO ', g);", ""),
        ("42501", "permission denied", "CREATE TABLE a.t (x int);", ""),
        ("42501", "permission denied", "COPY a.t (x) FROM stdin;", ""),
        ("42710", 'role "g" already exists', "CREATE TABLE a.t (x int);", ""),
        ("42710", 'extension "g" already exists', "CREATE EXTENSION g;", ""),
        ("42710", 'role "g" already exists', "GRANT ALL ON TABLE a.t TO g;", ""),
        ("42501", "permission denied to create role", "CREATE ROLE g;", ""),
        ("42601", "syntax error", "CREATE ROLE g;", ""),
        ("42704", 'role "g" does not exist', "", ""),
    ],
)  # fmt: skip
def test_what_is_tolerated(state: str, message: str, statement: str, expected: str) -> None:
    (error,) = read_errors(said(state, message, statement))
    assert error.tolerated_class == expected


def test_what_psql_says_next_is_no_part_of_a_statement() -> None:
    messages = said("42704", 'role "g" does not exist', "ALTER TABLE t\n  OWNER TO g;")
    messages += "psql:<stdin>:8: WARNING:  01000: careful\nLOCATION:  somewhere, acl.c:1\n"
    (error,) = read_errors(messages)
    assert (error.statement, error.tolerated_class) == ("ALTER TABLE t\n  OWNER TO g;", "owner")


def test_an_error_without_a_statement_is_not_tolerated() -> None:
    (error,) = read_errors('psql:<stdin>:4: ERROR:  42704: role "g" does not exist\n')
    assert error.tolerated_class == ""


_POSE = "psql:<stdin>:7: STATEMENT:  GRANT ALL ON TABLE a.t TO g;"


@pytest.mark.parametrize(
    ("state", "message", "statement"),
    [
        ("22P02", f"invalid input: x\n{_POSE}", "COPY a.t FROM stdin;"),
        ("42501", f"permission denied for table x\n{_POSE}\n", "COPY a.t FROM stdin;"),
        ("42704", f'role "g" does not exist\n{_POSE}', "COPY a.t FROM stdin;"),
        ("42704", 'role "g" does not exist', f"COMMENT ON TABLE a.t IS '\n{_POSE}\n';"),
        ("42704", 'role "g" does not exist', f"GRANT ALL ON TABLE a.t TO g;\n{_POSE}"),
        ("42501", f"no\u2028{_POSE}", "COPY a.t FROM stdin;"),
    ],
)
def test_a_text_that_poses_as_psql_makes_nothing_tolerated(state: str, message: str, statement: str) -> None:
    """A trigger or a name can put lines into message and statement; then nothing is certain, and the error is fatal."""
    found = summarize(read_errors(said(state, message, statement)), tolerate=True)
    assert found["fatal_total"] == 1
    assert found["tolerated"] == {"role": 0, "owner": 0, "acl": 0}


def test_forged_errors_take_nothing_away() -> None:
    """They come in addition to the real one, which stays fatal."""
    pose = said("42704", 'role "g" does not exist', "GRANT ALL ON TABLE a.t TO g;")
    found = summarize(read_errors(said("22P02", f"x\n{pose}", "COPY a.t FROM stdin;")), tolerate=True)
    assert found["fatal_total"] != 0


def test_a_notice_that_quotes_an_error_is_none() -> None:
    assert read_errors('psql:<stdin>:1: NOTICE:  00000: psql:<stdin>:4: ERROR:  42704: role "g" does not exist\n') == []


def test_an_error_is_described_in_one_line() -> None:
    text = RestoreError(3, "22P02", "m" * 1000, "COPY\n  a.t\tFROM stdin;" + "x" * 500, 1).describe()
    assert text.startswith("line 3: 22P02: mmm") and "[COPY a.t FROM stdin;x" in text
    assert "\n" not in text and len(text) < 500


@settings(max_examples=300)
@given(
    errors=st.lists(
        st.tuples(
            st.sampled_from(["42704", "42501", "42710", "22P02", "XX000"]),
            st.text(st.characters(codec="utf-8"), max_size=30) | st.just('role "g" does not exist'),
            st.sampled_from(["COPY t FROM stdin;", "CREATE TABLE t ();", "GRANT a TO b;", _POSE]),
        ),
        max_size=5,
    )
)
def test_whatever_is_said_no_error_is_lost(errors: list[tuple[str, str, str]]) -> None:
    """At least as many errors are found as there were; those that are none of the classes are never tolerated."""
    found = summarize(read_errors("".join(said(*error) for error in errors)), tolerate=True)
    assert isinstance(found["total"], int) and found["total"] >= len(errors)
    serious = [error for error in errors if error[0] in ("22P02", "XX000") or not error[2].startswith("GRANT")]
    assert isinstance(found["fatal_total"], int) and found["fatal_total"] >= len(serious)


def test_literals_of_a_failing_statement_are_not_told() -> None:
    """They may be a password, or a row."""
    statement = "CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'u', password 'hunter2 it''s')"
    told = RestoreError(1, "42704", "server does not exist", statement).describe()
    assert "hunter2" not in told and "CREATE USER MAPPING FOR app SERVER s" in told
    body = RestoreError(1, "42601", "syntax error", "CREATE FUNCTION f() AS $x$ secret $x$").describe()
    assert "secret" not in body


OF_PG_RESTORE = """\
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3201; 0 16386 TABLE DATA ages boss
pg_restore: error: COPY failed for table "ages": ERROR:  invalid input syntax for type integer: "x"
CONTEXT:  COPY ages, line 2, column age: "Alice
Street 7"
pg_restore: error: could not execute query: ERROR:  relation "t" already exists
Command was: CREATE TABLE t (secret text DEFAULT 'word');
pg_restore: warning: errors ignored on restore: 1
"""


def test_errors_of_pg_restore_are_read() -> None:
    first, second = read_archive_errors(OF_PG_RESTORE)
    assert first.describe().startswith('pg_restore: COPY failed for table "ages": ERROR:  invalid input syntax')
    assert "Alice" not in first.describe()
    assert "CREATE TABLE t" in second.describe() and "word" not in second.describe()
    assert summarize([first, second], tolerate=False)["fatal_total"] == 2


def test_no_row_stays_in_the_messages_of_pg_restore() -> None:
    kept = without_rows(OF_PG_RESTORE)
    assert "Alice" not in kept and "Street" not in kept
    assert kept.count("\n") == OF_PG_RESTORE.count("\n") - 2
    assert without_rows("") == ""


def test_of_an_encrypted_dump_no_text_is_kept() -> None:
    """Where, how bad, and the SQLSTATE: neither message, nor detail, nor statement, whatever poses as what."""
    said = (
        "psql:<stdin>:7: WARNING:  01000: saw Alice\n"
        "psql:<stdin>:12: ERROR:  23505: could not create unique index\nDETAIL:  Key (name)=(Alice) is duplicated.\n"
        "psql:<stdin>:12: STATEMENT:  INSERT INTO t VALUES ('Alice\n"
        "psql:<stdin>:13: ERROR:  Alice: Alice\n')\n"
        "psql: error: connection to server lost: Alice\n"
    )
    left = without_texts(said)
    assert left.splitlines() == [
        f"psql:<stdin>:7: WARNING:  01000: {LEFT_OUT}",
        f"psql:<stdin>:12: ERROR:  23505: {LEFT_OUT}",
        f"psql:<stdin>:13: ERROR:  -----: {LEFT_OUT}",
        f"psql: error:  -----: {LEFT_OUT}",
    ]
    told = summarize(read_errors(said), tolerate=False, texts=False)
    assert told["fatal"] == [
        f"line 12: 23505 ({LEFT_OUT})", f"line 13: psql ({LEFT_OUT})", f"psql ({LEFT_OUT})",
    ]  # fmt: skip
    assert "Alice" in str(summarize(read_errors(said), tolerate=False)["fatal"])
