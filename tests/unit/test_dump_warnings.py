"""What pg_dump says of a dump: only what is known to be harmless passes, and no line is lost."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._dump_warnings import (
    UNCLASSIFIED,
    read_messages,
    remarks,
    without_words_of_the_server,
)
from hypothesis import given, settings
from hypothesis import strategies as st

DATABASE = """\
WARNING:  database "directus" has a collation version mismatch
DETAIL:  The database was created using collation version 2.31, but the operating system provides version 2.36.
HINT:  Rebuild all objects in this database that use the default collation and run ALTER DATABASE directus REFRESH \
COLLATION VERSION, or build PostgreSQL with the right library version.
"""
COLLATION = """\
WARNING:  collation "de-x-icu" has version mismatch
DETAIL:  The collation in the database was created using version 153.112, but the operating system provides version 153.120.
HINT:  Rebuild all objects affected by this collation and run ALTER COLLATION pg_catalog."de-x-icu" REFRESH VERSION, \
or build PostgreSQL with the right library version.
"""  # noqa: E501
NO_VERSION = 'WARNING:  database "d" has no actual collation version, but a version was recorded\n'
PASSWORD_FILE = (
    'WARNING: password file "/root/.pgpass" has group or world access; permissions should be u=rw (0600) or less\n'  # noqa: E501
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", {}),
        ("\n \n\r\n", {}),
        (DATABASE, {"collation_version": 1}),
        (DATABASE.replace("\n", "\r\n"), {"collation_version": 1}),
        (COLLATION, {"collation_version": 1}),
        (NO_VERSION, {"collation_version": 1}),
        (DATABASE + "\n" + COLLATION + NO_VERSION, {"collation_version": 3}),
        # A server may be set to say less (log_error_verbosity is for its log, \\set VERBOSITY for psql: this is libpq).
        (DATABASE.splitlines()[0], {"collation_version": 1}),
        (PASSWORD_FILE + DATABASE, {"collation_version": 1, "password_file": 1}),
        ('WARNING: password file "/p" is not a plain file\n', {"password_file": 1}),
    ],
)
def test_what_is_harmless_is_told(text: str, told: dict[str, int]) -> None:
    assert read_messages(text) == {"told": told, "unclassified": [], "unclassified_total": 0}


@pytest.mark.parametrize(
    "text",
    [
        "pg_dump: warning: subscriptions not dumped because current user is not a superuser",
        "pg_dump: warning: could not resolve dependency loop among these items:\npg_dump: detail:   TABLE t",
        "pg_dump: warning: there are circular foreign-key constraints on this table:\npg_dump: detail: t\n"
        "pg_dump: hint: You might not be able to restore the dump without using --disable-triggers or temporarily "
        "dropping the constraints.\npg_dump: hint: Consider using a full dump instead of a --data-only dump to avoid "
        "this problem.",
        'pg_dump: warning: typtype of data type "x" appears to be invalid',
        'pg_dump: warning: owner of table "t" appears to be invalid',
        "pg_dump: warning: bogus value in pg_cast.castmethod field",
        "pg_dump: warning: bogus transform definition, at least one of trffromsql and trftosql should be nonzero",
        "pg_dump: warning: could not find operator with OID 42",
        "pg_dump: warning: could not parse proconfig array",
        'pg_dump: warning: postfix operators are not supported anymore (operator "!")',
        'pg_dump: warning: don\'t know how to set owner for object type "X"',
        'pg_dump: warning: unexpected extra results during COPY of table "t"',
        "pg_dump: something new of version 19",
        "pg_dump: reading schemas",
        "pg_dump: error: query failed: ERROR:  x",
        "NOTICE:  hello",
        "WARNING:  terminating connection because of crash of another server process\nDETAIL:  The postmaster has …",
        "WARNUNG:  Version der Sortierfolge der Datenbank »d« stimmt nicht überein",
        'WARNING:  template database "t" has a collation version mismatch',
        "WARNING: sslpassword truncated",
        "nsenter: reassociate to namespace 'ns/pid' failed: Invalid argument",
        "OCI runtime exec failed: exec failed: unable to start container process",
        "[1234 bytes more]",
        # An end of a message without its beginning, and one with words that are not its own.
        "DETAIL:  The database was created using collation version 1, but the operating system provides version 2.",
        NO_VERSION + "HINT:  Drop the database.",
        DATABASE + "HINT:  Drop the database.",
        DATABASE.replace("mismatch", "mismatch, and worse"),
        DATABASE + "HINT:  Drop the database.\n" + DATABASE.splitlines()[2],
        "x " + NO_VERSION,
    ],
)
def test_everything_else_is_not_classified(text: str) -> None:
    found = read_messages(text)
    assert (found["told"], found["unclassified_total"]) == ({}, 1)
    assert found["unclassified"] == [" ".join(text.split())[:500]]


def test_a_harmless_message_hides_no_other() -> None:
    text = (
        DATABASE + "pg_dump: warning: subscriptions not dumped because current user is not a superuser\n" + NO_VERSION
    )
    found = read_messages(text)
    assert found["told"] == {"collation_version": 2}
    assert found["unclassified"] == [text.splitlines()[3]]


def test_a_name_that_poses_as_a_message_takes_nothing_away() -> None:
    """A name may hold newlines; a warning begins with a line of its own all the same."""
    pose = f'pg_dump: warning: typtype of data type "x\n{NO_VERSION.strip()}\n" appears to be invalid\n'
    found = read_messages(pose)
    assert found["unclassified_total"] == 2
    assert found["unclassified"][0] == 'pg_dump: warning: typtype of data type "x'
    assert read_messages(NO_VERSION.replace('"d"', '"d\ne"'))["unclassified_total"] == 2
    assert read_messages(NO_VERSION.replace('"d"', '"d\u2028e"'))["told"] == {"collation_version": 1}


def test_messages_that_were_cut_do_not_pass() -> None:
    assert read_messages(DATABASE + "\n[99 bytes more]")["unclassified"] == ["[99 bytes more]"]


def test_the_first_twenty_are_shown_and_all_are_counted() -> None:
    found = read_messages("".join(f"pg_dump: warning: {number} {'x' * 1000}\n" for number in range(50)))
    assert (len(found["unclassified"]), found["unclassified_total"]) == (20, 50)
    assert all(len(line) == 500 for line in found["unclassified"])


PIECES = st.sampled_from(
    [
        *(DATABASE + COLLATION + NO_VERSION + PASSWORD_FILE).splitlines(),
        "pg_dump: warning: x", "pg_dump: detail: y", "pg_dump: hint: z", "DETAIL:  y", "HINT:  z", "CONTEXT:  c", "",
        " ",
    ]
)  # fmt: skip


@settings(max_examples=500)
@given(lines=st.lists(PIECES | st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20)))
def test_no_line_is_lost(lines: list[str]) -> None:
    """Every line belongs to exactly one message, and one that is told has nothing but what is known."""
    text = "\n".join(lines)
    found = remarks(text)
    assert [line for remark in found for line in remark.text.split("\n")] == [line for line in lines if line.strip()]
    known = set((DATABASE + COLLATION + NO_VERSION + PASSWORD_FILE).splitlines())
    for remark in found:
        if remark.kind != UNCLASSIFIED:
            assert set(remark.text.split("\n")) <= known
    summary = read_messages(text)
    assert sum(summary["told"].values()) + summary["unclassified_total"] == len(found)


def test_of_an_encrypted_dump_no_word_of_the_server_is_kept_that_may_be_a_row() -> None:
    """pg_dump's own words stay, and what the server says of its disk, of rights and of its end."""
    own = 'pg_dump: error: Dumping the contents of table "t" failed: PQgetResult() failed.\n'
    command = "pg_dump: detail: Command was: COPY public.t (word) TO stdout;\n"
    said = own + "pg_dump: detail: Error message from server: ERROR:  saw Alice\nDETAIL:  Alice\n Bob\n" + command
    left = without_words_of_the_server(said)
    assert left.startswith(own) and left.endswith(command) and "left out, for the dump is encrypted" in left
    assert "Alice" not in left and "Bob" not in left
    for harmless in (
        "ERROR:  permission denied for table t",
        "FATAL:  terminating connection",
        "ERROR:  invalid page in block 3",
    ):
        quoted = (
            f"{own}pg_dump: error: Error message from server: {harmless}\nCONTEXT:  COPY t, line 1: Alice\n{command}"
        )
        assert without_words_of_the_server(quoted) == quoted.replace("CONTEXT:  COPY t, line 1: Alice\n", "")
    assert without_words_of_the_server(DATABASE) == DATABASE
