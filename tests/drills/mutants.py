"""The mutants: what may go wrong with a dump or with its restored copy, each as data.

A mutant says where it strikes and which checks must FAIL for it. Run as a program, this file is pg_dump with a mutant
in its output: `python mutants.py ID PG_DUMP ARGUMENT…`. It imports nothing of ours.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Change = Callable[[bytes], bytes]
Arguments = Callable[[list[str]], list[str]]
Results = dict[str, Any]

DECOY = "directus_decoy"
"""Another database of production's: the same tables with as many rows, and one value that is another."""
EMPTY_SCHEMA = "nothing_here"


@dataclass(frozen=True)
class Mutant:
    """What is wrong, for a person; the checks that must FAIL for it; words that the result's message must have, where
    the checks do not say enough."""

    id: str
    what: str
    checks: tuple[str, ...]
    because: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class InCopy(Mutant):
    """Statements run in the restored copy, as if the restore had lost or changed something. No other check may FAIL."""

    sql: str


@dataclass(frozen=True)
class InStream(Mutant):
    """A change of pg_dump's output, as if pg_dump or the pipe had made it, or of the way pg_dump ends.

    `change` raises ValueError where it does not find what to change, None is no change. `arguments` changes pg_dump's
    own; `says` goes to standard error; `ends` is the return code. `settings` are those of the run that are not the
    usual ones. Unless `restored`, what is judged ends with the audit of the dump: its checks need no more.
    """

    change: Change | None = None
    arguments: Arguments = list
    says: str = ""
    ends: int = 0
    restored: bool = True
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InFiles(Mutant):
    """A change of the artefact's files after a step. It gets their directory, the dump of another run, and the results
    of the steps so far, which it may change too."""

    after: str
    change: Callable[[Path, Path, Results], None]


@dataclass(frozen=True)
class InSettings(Mutant):
    """Other settings of the run, without their prefix."""

    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class InEvidence(Mutant):
    """A change of the results of the steps, given those of another run too."""

    change: Callable[[Results, Results], None]


@dataclass(frozen=True)
class InRace(Mutant):
    """Statements run between the snapshot and pg_dump's locks, one in each attempt. Their tables are those of
    test_rewrites."""

    statements: tuple[str, str, str]


STRIKES: dict[type[Mutant], str] = {
    InCopy: "restored copy",
    InStream: "pg_dump's output",
    InFiles: "files",
    InSettings: "settings",
    InEvidence: "evidence",
    InRace: "production, meanwhile",
}
"""Where a mutant strikes, for a person."""

# Changes of a stream.

_HEADER = rb"--\n-- (?:Data for )?Name: %s; Type: %s; Schema: [^\n]*\n--\n"
_NEXT = re.compile(rb"--\n-- (?:(?:Data for )?Name: |PostgreSQL database dump complete)")


def without(*entries: tuple[str, str]) -> Change:
    """Leave out entries, (name, type), as the comments above them name them."""

    def change(dump: bytes) -> bytes:
        for name, kind in entries:
            header = re.compile(_HEADER % (re.escape(name.encode()), re.escape(kind.encode())))
            (found,) = header.finditer(dump)
            end = _NEXT.search(dump, found.end())
            if end is None:
                raise ValueError(f"{kind} {name} has no end")
            dump = dump[: found.start()] + dump[end.start() :]
        return dump

    return change


def replaced(old: str, new: str) -> Change:
    """Put `new` in the place of `old`, which is there once."""

    def change(dump: bytes) -> bytes:
        _position(dump, old)
        return dump.replace(old.encode(), new.encode())

    return change


def bit_flipped(text: str, at: str) -> Change:
    """Flip the lowest bit of the first byte of `at` in `text`, which is there once."""

    def change(dump: bytes) -> bytes:
        position = _position(dump, text) + text.encode().index(at.encode())
        return dump[:position] + bytes([dump[position] ^ 1]) + dump[position + 1 :]

    return change


def _position(dump: bytes, text: str) -> int:
    if dump.count(text.encode()) != 1:
        raise ValueError(f"{dump.count(text.encode())} times in the dump: {text!r}")
    return dump.index(text.encode())


def in_rows(table: str, edit: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Edit the lines of a table's data block."""

    def change(dump: bytes) -> bytes:
        start, end = _data(dump, table)
        rows = dump[start:end].splitlines(keepends=True)
        edited = edit(list(rows))
        if edited == rows:
            raise ValueError(f"nothing was changed in {table}")
        return dump[:start] + b"".join(edited) + dump[end:]

    return change


def _data(dump: bytes, table: str) -> tuple[int, int]:
    """Where the rows of a table begin and end."""
    start = dump.index(b"\n", dump.index(b"\nCOPY " + table.encode() + b" (") + 1) + 1
    return start, dump.index(b"\\.\n", start) if dump[start : start + 3] != b"\\.\n" else start


def row_replaced(table: str, old: str, new: str) -> Change:
    """Put the row `new` in the place of the row `old`, both as the dump writes them."""
    return in_rows(table, lambda rows: [new.encode() + b"\n" if row == old.encode() + b"\n" else row for row in rows])


def rows_exchanged(one: str, other: str) -> Change:
    """Exchange the first rows of two tables."""

    def change(dump: bytes) -> bytes:
        taken: list[bytes] = []

        def take(rows: list[bytes]) -> list[bytes]:
            taken.append(rows[0])
            return rows[1:]

        dump = in_rows(other, take)(in_rows(one, take)(dump))
        for table in (other, one):
            dump = in_rows(table, lambda rows: [taken.pop(0), *rows])(dump)
        return dump

    return change


def cut_in(table: str) -> Change:
    """End the dump in the middle of a table's third row."""

    def change(dump: bytes) -> bytes:
        start, end = _data(dump, table)
        third = dump[start:end].splitlines(keepends=True)[2]
        return dump[: dump.index(third, start) + len(third) // 2]

    return change


def cut_before(text: str) -> Change:
    """End the dump before `text`, which is there once."""
    return lambda dump: dump[: _position(dump, text)]


def of_database(name: str) -> Arguments:
    """Have pg_dump read another database. The snapshot goes: it is of no use there."""

    def arguments(given: list[str]) -> list[str]:
        changed = [f"--dbname={name}" if before == "--dbname" else word for before, word in zip(["", *given], given)]
        changed = [word for word in changed if word != "--dbname"]
        if "--snapshot" in changed:
            at = changed.index("--snapshot")
            del changed[at : at + 2]
        return changed

    return arguments


# Changes of files and of evidence.


def _dump_of(results: Results) -> Path:
    return Path(results["dump"]["dump"]["path"])


def _replace_dump(artefact: Path, other: Path, results: Results) -> None:
    _dump_of(results).write_bytes(other.read_bytes())


def _flip_a_bit(artefact: Path, other: Path, results: Results) -> None:
    path = _dump_of(results)
    path.write_bytes(bit_flipped("\tquestion 7\t", "question")(path.read_bytes()))


def _cut_off(artefact: Path, other: Path, results: Results) -> None:
    path = _dump_of(results)
    path.write_bytes(cut_before("--\n-- PostgreSQL database dump complete")(path.read_bytes()))


def _edit_manifest(edit: Callable[[Results], None], *, digest: bool = False) -> Callable[[Path, Path, Results], None]:
    """Edit the manifest. With `digest` the evidence says that it was written so."""

    def change(artefact: Path, other: Path, results: Results) -> None:
        path = artefact / "manifest.json"
        document = json.loads(path.read_bytes())
        edit(document)
        path.write_text(json.dumps(document))
        if digest:
            results["dump"]["dump"]["manifest"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()

    return change


def _one_row_less(manifest: Results) -> None:
    (table,) = [one for one in manifest["tables"] if one["name"] == "verify_result"]
    table["rows"] -= 1


def _no_tables(manifest: Results) -> None:
    manifest["tables"] = []


def _manifest_of_another_run(artefact: Path, other: Path, results: Results) -> None:
    (artefact / "manifest.json").write_bytes((other.parent / "manifest.json").read_bytes())


def _edit_census(artefact: Path, other: Path, results: Results) -> None:
    path = artefact / "census.json"
    document = json.loads(path.read_bytes())
    document["objects"].pop()
    path.write_text(json.dumps(document))


def _edit_globals(artefact: Path, other: Path, results: Results) -> None:
    path = artefact / "globals.json"
    document = json.loads(path.read_bytes())
    document["roles"] = [role for role in document["roles"] if role["name"] != "drill_editor"]
    path.write_text(json.dumps(document))


def _no_expectation(results: Results, other: Results) -> None:
    results["dump"]["expected_tables_effective"] = []


def _step_of_another_run(step: str) -> Callable[[Results, Results], None]:
    def change(results: Results, other: Results) -> None:
        results[step] = other[step]

    return change


def _restore_of_another_run(results: Results, other: Results) -> None:
    """As if somebody had even corrected the run id."""
    results["restore"] = {**other["restore"], "run_id": results["restore"]["run_id"]}


def _compared_elsewhere(results: Results, other: Results) -> None:
    before = results["before"]
    results["compare"]["compare"]["server"] = {name: before[name] for name in ("sysid", "postmaster_start_utc")}


def _compared_nothing(results: Results, other: Results) -> None:
    compared = results["compare"]["compare"]
    for name, value in compared.items():
        if isinstance(value, int) and not isinstance(value, bool):
            compared[name] = 0


def _not_compared(results: Results, other: Results) -> None:
    results["compare"] = None


def _checkpointer_anew(results: Results, other: Results) -> None:
    results["after"]["checkpointer_start_utc"] = results["after"]["taken_utc"]


def _statistics_anew(results: Results, other: Results) -> None:
    """As a user without pg_read_all_stats sees a crash."""
    before, after = results["before"], results["after"]
    before["checkpointer_start_utc"] = after["checkpointer_start_utc"] = ""
    after["statistics_reset_utc"] = dict.fromkeys(before["statistics_reset_utc"], after["taken_utc"])


def _crash_signs_not_read(results: Results, other: Results) -> None:
    for moment in ("before", "after"):
        del results[moment]["checkpointer_start_utc"], results[moment]["statistics_reset_utc"]


def _masked(results: Results, other: Results) -> None:
    results["compare"]["compare"]["path"] = "********"


def after_another(**other_values: Any) -> Callable[[Results, Results], None]:
    """As if the other run, which passed, had been of this database before: with values of its own in the history, or
    factors of them."""

    def change(results: Results, other: Results) -> None:
        settings, dump = other["plan"]["settings"], other["dump"]["dump"]
        line = {
            "run_id": other["plan"]["run_id"],
            "result": "ALL_PASS",
            "host": "localhost",
            "audited_schema": settings["schema"],
            "rows": dump["manifest"]["rows"],
            "audited_rows": other["dump_audit"]["rows_total"],
            **{name: settings[name] for name in ("production", "db", "compression_level")},
            **{name: dump[name] for name in ("size_bytes", "text_bytes", "format", "compression")},
        }
        for name, value in other_values.items():
            line[name] = int(line[name] * value) if isinstance(value, float) else value
        results["history"]["trend"].update(entries=1, good=1, previous=line)

    return change


def _forgotten(results: Results, other: Results) -> None:
    after_another()(results, other)
    results["history"]["trend"]["previous"] = None


def _history_not_read(results: Results, other: Results) -> None:
    results["history"] = None


# The mutants.

_ROWS = ("restore.rows", "restore.content")
_ONLY_CONTENT = ("restore.content",)
_OBJECTS = ("restore.objects",)
_CUT = ("dump.complete",)
_CENSUS = ("dump.census",)

_OF_THE_COPY = (
    # Rows.
    ("copy-bit-flipped", "one bit flipped in a row", _ONLY_CONTENT,
     "UPDATE cutter_governance.decision_backlog_entry SET question = 'puestion 7' WHERE question = 'question 7'"),
    ("copy-null-to-empty", "NULL became an empty string", _ONLY_CONTENT,
     "UPDATE cutter_governance.verify_result SET detail = '' WHERE detail IS NULL"),
    ("copy-empty-to-null", "an empty string became NULL", _ONLY_CONTENT,
     "UPDATE archive.posting SET note = NULL WHERE note = '' AND booked = '2026-01-01'"),
    ("copy-value-moved", "a value moved to the next column", _ONLY_CONTENT,
     "UPDATE archive.posting SET note = NULL, remark = note WHERE note = 'note 32'"),
    ("copy-row-removed", "a row removed", _ROWS,
     "DELETE FROM cutter_governance.verify_result WHERE verify_id = 6"),
    ("copy-row-doubled", "a row doubled", _ROWS,
     "INSERT INTO cutter_governance.verify_result OVERRIDING SYSTEM VALUE"
     " SELECT 7, change_set_id, check_name, passed, detail FROM cutter_governance.verify_result WHERE verify_id = 6"),
    ("copy-row-removed-elsewhere", "a row removed, in a schema that is not audited", _ONLY_CONTENT,
     "DELETE FROM public.directus_activity WHERE id = 500"),
    ("copy-row-doubled-elsewhere", "a row doubled, in a table without a key", _ONLY_CONTENT,
     "INSERT INTO archive.outbox VALUES ('dan', 'again')"),
    ("copy-other-row-doubled", "as many rows, but another one twice", _ONLY_CONTENT,
     "UPDATE archive.inbox SET (sender, body) = ('ann', 'hello')"
     " WHERE ctid = (SELECT min(ctid) FROM archive.inbox WHERE sender = 'ben')"),
    ("copy-rows-exchanged", "rows swapped between two tables", _ONLY_CONTENT,
     "UPDATE archive.inbox SET (sender, body) = ('cleo', 'answer') WHERE sender = 'ann';"
     " UPDATE archive.outbox SET (sender, body) = ('ann', 'hello') WHERE sender = 'cleo'"),
    ("copy-rows-all-gone", "all rows of a table removed", _ROWS, "TRUNCATE cutter_governance.dot_pair_signature"),
    ("copy-microsecond", "a time off by a microsecond", _ONLY_CONTENT,
     """UPDATE public.directus_activity SET "timestamp" = "timestamp" + interval '1 microsecond' WHERE id = 500"""),
    ("copy-decomposed", "letters with their accents apart, which look the same", _ONLY_CONTENT,
     "UPDATE cutter_governance.manifest_unit_block SET body = normalize(body, NFD) WHERE block_id = 7"),
    ("copy-trailing-blank", "a blank at the end of a text", _ONLY_CONTENT,
     "UPDATE cutter_governance.cut_change_set SET title = title || ' ' WHERE title = 'change set 1'"),
    # Tables and columns.
    ("table-missing", "a table missing", ("restore.tables", *_ROWS, *_OBJECTS),
     "DROP TABLE cutter_governance.review_decision"),
    ("table-missing-elsewhere", "a table missing, in a schema that is not audited", (*_ONLY_CONTENT, *_OBJECTS),
     "DROP TABLE archive.document"),
    ("table-added", "a table too many", ("restore.tables", *_OBJECTS),
     "CREATE TABLE cutter_governance.review (id integer)"),
    ("table-added-elsewhere", "a table too many, in a schema that is not audited", _OBJECTS,
     "CREATE TABLE public.stray (id integer)"),
    ("table-changed", "a table changed: its fill factor", _OBJECTS, "ALTER TABLE archive.account RESET (fillfactor)"),
    ("table-unlogged", "a table changed: no longer unlogged", _OBJECTS, "ALTER TABLE archive.scrap SET LOGGED"),
    ("table-replica-identity", "a table changed: its replica identity", _OBJECTS,
     "ALTER TABLE archive.inbox REPLICA IDENTITY DEFAULT"),
    ("column-missing", "a column missing", (*_ONLY_CONTENT, *_OBJECTS),
     "ALTER TABLE archive.posting DROP COLUMN remark"),
    ("column-changed", "a column of another type", _OBJECTS,
     "ALTER TABLE cutter_governance.cut_change_set ALTER title TYPE varchar(200)"),
    ("column-storage", "a column changed: its storage", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block ALTER body SET STORAGE EXTERNAL"),
    ("partition-detached", "a partition detached", _OBJECTS,
     "ALTER TABLE archive.posting DETACH PARTITION archive.posting_2025"),
    ("default-missing", "a column's default missing", _OBJECTS,
     "ALTER TABLE cutter_governance.decision_backlog_entry ALTER weight DROP DEFAULT"),
    ("default-changed", "a column's default changed", _OBJECTS,
     "ALTER TABLE cutter_governance.decision_backlog_entry ALTER weight SET DEFAULT 2"),
    ("not-null-missing", "NOT NULL missing", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block ALTER body DROP NOT NULL"),
    ("not-null-added", "NOT NULL where there was none", _OBJECTS,
     "ALTER TABLE cutter_governance.decision_backlog_entry ALTER due SET NOT NULL"),
    ("generated-missing", "a generated column that is none any more", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block ALTER body_length DROP EXPRESSION"),
    ("generated-changed", "a generated column changed", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block DROP COLUMN body_length,"
     " ADD COLUMN body_length integer GENERATED ALWAYS AS (length(body) + 1) STORED"),
    ("identity-missing", "an identity column that is none any more", _OBJECTS,
     "ALTER TABLE cutter_governance.verify_result ALTER verify_id DROP IDENTITY"),
    ("identity-changed", "an identity column changed: BY DEFAULT", _OBJECTS,
     "ALTER TABLE cutter_governance.verify_result ALTER verify_id SET GENERATED BY DEFAULT"),
    # Constraints and indexes.
    ("primary-key-missing", "a primary key missing", _OBJECTS,
     "ALTER TABLE cutter_governance.verify_result DROP CONSTRAINT verify_result_pkey"),
    ("check-missing", "a CHECK missing", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block DROP CONSTRAINT manifest_unit_block_position_check"),
    ("check-changed", "a CHECK changed", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block DROP CONSTRAINT manifest_unit_block_position_check,"
     " ADD CONSTRAINT manifest_unit_block_position_check CHECK (position >= 0)"),
    ("check-not-valid", "a CHECK that is not validated", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block DROP CONSTRAINT manifest_unit_block_position_check,"
     " ADD CONSTRAINT manifest_unit_block_position_check CHECK (position > 0) NOT VALID"),
    ("unique-missing", "a unique constraint missing", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_envelope DROP CONSTRAINT manifest_envelope_document_path_key"),
    ("unique-changed", "a unique constraint of more columns", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_envelope DROP CONSTRAINT manifest_envelope_document_path_key,"
     " ADD CONSTRAINT manifest_envelope_document_path_key UNIQUE (document_path, content_sha256)"),
    ("exclusion-missing", "an exclusion constraint missing", _OBJECTS,
     "ALTER TABLE archive.document DROP CONSTRAINT document_scan_excl"),
    ("foreign-key-missing", "a foreign key missing", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block DROP CONSTRAINT manifest_unit_block_envelope_id_fkey"),
    ("foreign-key-changed", "a foreign key changed: no ON DELETE CASCADE", _OBJECTS,
     "ALTER TABLE cutter_governance.manifest_unit_block DROP CONSTRAINT manifest_unit_block_envelope_id_fkey,"
     " ADD CONSTRAINT manifest_unit_block_envelope_id_fkey FOREIGN KEY (envelope_id)"
     " REFERENCES cutter_governance.manifest_envelope"),
    ("foreign-key-not-deferrable", "a foreign key changed: not deferrable", _OBJECTS,
     "ALTER TABLE archive.posting ALTER CONSTRAINT posting_account_fkey NOT DEFERRABLE"),
    ("index-missing", "an index missing", _OBJECTS, "DROP INDEX cutter_governance.decision_backlog_entry_tags"),
    ("index-other-column", "an index on another column", _OBJECTS,
     "DROP INDEX cutter_governance.decision_backlog_entry_open; CREATE INDEX decision_backlog_entry_open"
     " ON cutter_governance.decision_backlog_entry (entry_id DESC) WHERE NOT closed"),
    ("index-changed", "an index changed: its WHERE is gone", _OBJECTS,
     "DROP INDEX cutter_governance.decision_backlog_entry_open; CREATE INDEX decision_backlog_entry_open"
     " ON cutter_governance.decision_backlog_entry (weight DESC)"),
    ("index-not-unique", "an index changed: no longer unique", _OBJECTS,
     "DROP INDEX archive.balance_account; CREATE INDEX balance_account ON archive.balance (account)"),
    ("index-invalid", "an index that is not valid", _OBJECTS,
     "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'archive.account_title'::regclass"),
    ("statistics-missing", "extended statistics missing", _OBJECTS, "DROP STATISTICS archive.account_kind_share"),
    # Code.
    ("trigger-missing", "a trigger missing", _OBJECTS,
     "DROP TRIGGER cut_change_set_touch ON cutter_governance.cut_change_set"),
    ("trigger-disabled", "a trigger disabled", _OBJECTS,
     "ALTER TABLE cutter_governance.cut_change_set DISABLE TRIGGER cut_change_set_touch"),
    ("trigger-changed", "a trigger changed: for one column only", _OBJECTS,
     "CREATE OR REPLACE TRIGGER cut_change_set_touch BEFORE UPDATE OF title ON cutter_governance.cut_change_set"
     " FOR EACH ROW EXECUTE FUNCTION cutter_governance.touch_updated()"),
    ("rule-missing", "a rule missing", _OBJECTS, "DROP RULE inbox_keeps ON archive.inbox"),
    ("rule-changed", "a rule changed", _OBJECTS,
     "CREATE OR REPLACE RULE inbox_keeps AS ON DELETE TO archive.inbox WHERE old.sender = 'ann' DO INSTEAD NOTHING"),
    ("event-trigger-missing", "an event trigger missing", _OBJECTS, "DROP EVENT TRIGGER watch_drops"),
    ("event-trigger-disabled", "an event trigger disabled", _OBJECTS, "ALTER EVENT TRIGGER watch_drops DISABLE"),
    ("view-missing", "a view missing", _OBJECTS, "DROP VIEW cutter_governance.open_decision"),
    ("view-changed", "a view changed", _OBJECTS,
     "CREATE OR REPLACE VIEW cutter_governance.open_decision AS"
     " SELECT entry_id, question, weight FROM cutter_governance.decision_backlog_entry WHERE closed"),
    ("view-option-missing", "a view changed: no WITH CHECK OPTION", _OBJECTS,
     "ALTER VIEW archive.business RESET (check_option)"),
    ("matview-missing", "a materialized view missing", _OBJECTS, "DROP MATERIALIZED VIEW archive.balance"),
    ("matview-not-populated", "a materialized view not populated", _OBJECTS,
     "REFRESH MATERIALIZED VIEW archive.balance WITH NO DATA"),
    ("matview-changed", "a materialized view changed", _OBJECTS,
     "DROP MATERIALIZED VIEW archive.balance;"
     " CREATE MATERIALIZED VIEW archive.balance AS"
     " SELECT account, max(amount) AS total FROM archive.posting GROUP BY account;"
     " CREATE UNIQUE INDEX balance_account ON archive.balance (account)"),
    ("function-missing", "a function missing", _OBJECTS, "DROP FUNCTION archive.revenue(date)"),
    ("function-body", "a function's body changed", _OBJECTS,
     "CREATE OR REPLACE FUNCTION archive.revenue(since date) RETURNS numeric"
     " LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = archive AS $$\nBEGIN\n    -- VAT: 19 percent\n"
     "    RETURN (SELECT coalesce(sum(amount), 0) * 1.17 FROM posting WHERE booked >= since);\nEND $$"),
    ("function-comment-in-body", "a function's body changed: a comment in it", _OBJECTS,
     "CREATE OR REPLACE FUNCTION archive.revenue(since date) RETURNS numeric"
     " LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = archive AS $$\nBEGIN\n    -- VAT: 16 percent\n"
     "    RETURN (SELECT coalesce(sum(amount), 0) * 1.19 FROM posting WHERE booked >= since);\nEND $$"),
    ("function-security", "a function changed: SECURITY INVOKER", _OBJECTS,
     "ALTER FUNCTION archive.revenue(date) SECURITY INVOKER"),
    ("function-search-path", "a function changed: its search_path", _OBJECTS,
     "ALTER FUNCTION archive.revenue(date) RESET search_path"),
    ("procedure-missing", "a procedure missing", _OBJECTS, "DROP PROCEDURE archive.tidy()"),
    ("aggregate-missing", "an aggregate missing", _OBJECTS, "DROP AGGREGATE archive.longest(text)"),
    ("cast-missing", "a cast missing", _OBJECTS, "DROP CAST (archive.place AS text)"),
    # Who may do what.
    ("policy-missing", "a policy missing", _OBJECTS, "DROP POLICY only_business ON archive.account"),
    ("policy-changed", "a policy changed", _OBJECTS, "ALTER POLICY only_business ON archive.account USING (true)"),
    ("policy-for-all", "a policy for everybody", _OBJECTS, "ALTER POLICY only_business ON archive.account TO PUBLIC"),
    ("row-security-off", "row-level security switched off", _OBJECTS,
     "ALTER TABLE archive.account DISABLE ROW LEVEL SECURITY"),
    ("row-security-not-forced", "row-level security not forced", _OBJECTS,
     "ALTER TABLE archive.document NO FORCE ROW LEVEL SECURITY"),
    ("grant-missing", "a grant missing", _OBJECTS, "REVOKE SELECT ON cutter_governance.verify_result FROM directus"),
    ("grant-changed", "a grant of more", _OBJECTS, "GRANT DELETE ON cutter_governance.verify_result TO directus"),
    ("grant-other-role", "a grant to another role", _OBJECTS,
     "REVOKE SELECT ON cutter_governance.verify_result FROM directus;"
     " GRANT SELECT ON cutter_governance.verify_result TO drill_reader"),
    ("grant-option-missing", "a grant without its grant option", _OBJECTS,
     "REVOKE GRANT OPTION FOR INSERT ON archive.posting FROM drill_editor"),
    ("grant-column-missing", "a grant on a column missing", _OBJECTS,
     "REVOKE SELECT (title) ON archive.account FROM drill_editor"),
    ("grant-public", "a function that everybody may call", _OBJECTS,
     "GRANT EXECUTE ON FUNCTION archive.revenue(date) TO PUBLIC"),
    ("grant-schema-missing", "a grant on a schema missing", _OBJECTS,
     "REVOKE USAGE ON SCHEMA cutter_governance FROM directus"),
    ("default-grant-missing", "default privileges missing", _OBJECTS,
     "ALTER DEFAULT PRIVILEGES IN SCHEMA archive REVOKE SELECT ON TABLES FROM drill_reader"),
    ("owner-changed", "a table of another owner", _OBJECTS,
     "ALTER TABLE cutter_governance.decision_backlog_entry OWNER TO workflow_admin"),
    ("owner-function-changed", "a function of another owner", _OBJECTS,
     "ALTER FUNCTION archive.slug(text) OWNER TO workflow_admin"),
    ("owner-schema-changed", "a schema of another owner", _OBJECTS,
     "ALTER SCHEMA nothing_here OWNER TO drill_editor"),
    # Sequences.
    ("sequence-missing", "a sequence missing", _OBJECTS, "DROP SEQUENCE archive.ticket"),
    ("sequence-behind", "a sequence behind", _OBJECTS, "SELECT setval('archive.ticket', 1000)"),
    ("sequence-not-called", "a sequence behind by one call", _OBJECTS, "SELECT setval('archive.ticket', 1040, false)"),
    ("sequence-of-identity-behind", "an identity column's sequence behind", _OBJECTS,
     "SELECT setval('cutter_governance.verify_result_verify_id_seq', 1)"),
    ("sequence-changed", "a sequence changed: its increment", _OBJECTS, "ALTER SEQUENCE archive.ticket INCREMENT 1"),
    ("sequence-not-owned", "a sequence that no column owns", _OBJECTS,
     "ALTER SEQUENCE cutter_governance.decision_backlog_history_history_id_seq OWNED BY NONE"),
    # Types.
    ("type-missing", "a type missing", _OBJECTS, "DROP TYPE archive.span"),
    ("enum-label-missing", "an enum label missing", _OBJECTS, "DELETE FROM pg_enum WHERE enumlabel = 'deferred'"),
    ("enum-label-renamed", "an enum label renamed", _OBJECTS,
     "ALTER TYPE cutter_governance.review_outcome RENAME VALUE 'deferred' TO 'postponed'"),
    ("enum-labels-reordered", "enum labels in another order", _OBJECTS,
     "UPDATE pg_enum SET enumsortorder = 1.5 WHERE enumlabel = 'deferred'"),
    ("domain-check-missing", "a domain's CHECK missing", _OBJECTS,
     "ALTER DOMAIN archive.percentage DROP CONSTRAINT percentage_check"),
    ("domain-check-changed", "a domain's CHECK changed", _OBJECTS,
     "ALTER DOMAIN archive.percentage DROP CONSTRAINT percentage_check;"
     " ALTER DOMAIN archive.percentage ADD CONSTRAINT percentage_check CHECK (VALUE BETWEEN 0 AND 1000)"),
    # The rest.
    ("schema-missing", "a schema missing", _OBJECTS, "DROP SCHEMA nothing_here"),
    ("extension-missing", "an extension missing", _OBJECTS, "DROP EXTENSION pg_trgm"),
    ("extension-changed", "an extension in another schema", _OBJECTS, "ALTER EXTENSION pg_trgm SET SCHEMA archive"),
    ("comment-missing", "a comment missing", _OBJECTS,
     "COMMENT ON TABLE cutter_governance.dot_pair_signature IS NULL"),
    ("comment-changed", "a comment changed", _OBJECTS, "COMMENT ON COLUMN archive.account.share IS 'per cent'"),
    ("large-object-missing", "a large object missing", _OBJECTS, "SELECT lo_unlink(90002)"),
    ("large-object-changed", "a large object changed: one byte on its third page", _OBJECTS,
     "SELECT lo_put(90001, 4200, 'X')"),
    ("large-object-added", "a large object too many", _OBJECTS, "SELECT lo_from_bytea(90003, 'stray')"),
    ("large-object-owner", "a large object of another owner", _OBJECTS,
     "ALTER LARGE OBJECT 90002 OWNER TO drill_editor"),
    ("large-object-grant-missing", "a grant on a large object missing", _OBJECTS,
     "REVOKE SELECT ON LARGE OBJECT 90001 FROM drill_reader"),
    ("large-object-comment-missing", "a comment on a large object missing", _OBJECTS,
     "COMMENT ON LARGE OBJECT 90001 IS NULL"),
    ("publication-missing", "a publication missing", _OBJECTS, "DROP PUBLICATION changes"),
    ("publication-changed", "a publication changed: one table less", _OBJECTS,
     "ALTER PUBLICATION changes DROP TABLE archive.outbox"),
    ("publication-filter", "a publication changed: another row filter", _OBJECTS,
     "ALTER PUBLICATION changes"
     " SET TABLE archive.inbox, archive.outbox WHERE (sender <> 'ann'), archive.document (id)"),
    ("publication-columns", "a publication changed: all columns", _OBJECTS,
     "ALTER PUBLICATION changes SET TABLE archive.inbox, archive.outbox WHERE (sender <> 'boss'), archive.document"),
    ("publication-option", "a publication changed: what it publishes", _OBJECTS,
     "ALTER PUBLICATION changes SET (publish = 'insert')"),
    ("subscription-missing", "a subscription missing", _OBJECTS, "DROP SUBSCRIPTION mirror"),
    ("foreign-table-missing", "a foreign table missing", _OBJECTS, "DROP FOREIGN TABLE archive.far_account"),
    ("foreign-server-missing", "a foreign server missing", _OBJECTS, "DROP SERVER far CASCADE"),
)  # fmt: skip

_ENTRY = "cutter_governance.decision_backlog_entry"

_NO_MARKER = "the end marker is missing"
_OF_THE_STREAM = (
    InStream("cut-in-table", "cut off in the middle of a table", _CUT, cut_in(_ENTRY), because=_NO_MARKER),
    InStream("cut-in-table-elsewhere", "cut off in the middle of a table of a schema that is not audited", _CUT,
             cut_in("public.directus_activity"), because=_NO_MARKER),
    InStream("cut-between-tables", "cut off between two tables", _CUT,
             cut_before("--\n-- Data for Name: directus_activity; Type: TABLE DATA;"), because=_NO_MARKER),
    InStream("cut-before-trailer", "cut off before the trailer", _CUT,
             cut_before("--\n-- PostgreSQL database dump complete\n"), because=_NO_MARKER),
    InStream("nothing-at-all", "not one byte", _CUT, lambda dump: b"", because=_NO_MARKER),
    InStream("pg-dump-fails", "whole, but pg_dump ended with an error", _CUT,
             says="pg_dump: error: could not write to output file\n", ends=1, because="could not write to output file"),
    InStream("bit-flipped", "one bit flipped in a row", ("dump.content",),
             bit_flipped("\tquestion 7\t", "question")),
    InStream("null-to-empty", "NULL became an empty string", ("dump.content",),
             row_replaced("cutter_governance.verify_result", "3\t\\N\tcheck 3\tf\t\\N", "3\t\\N\tcheck 3\tf\t")),
    InStream("empty-to-null", "an empty string became NULL", ("dump.content",),
             row_replaced("cutter_governance.dot_pair_signature", "a\tc\t\\\\x\tInfinity", "a\tc\t\\\\x\t\\N")),
    InStream("value-moved", "a value moved to the next column", ("dump.content",),
             row_replaced("cutter_governance.dot_pair_signature", "\t \t\\\\x5c\t0", " \t\t\\\\x5c\t0")),
    InStream("row-removed", "a row removed", ("dump.rows", "dump.content"),
             in_rows("cutter_governance.verify_result", lambda rows: rows[:-1])),
    InStream("row-doubled", "a row doubled", ("dump.rows", "dump.content", "restore.clean"),
             in_rows("cutter_governance.verify_result", lambda rows: [*rows, rows[-1]])),
    InStream("row-doubled-other-key", "as many rows, but another one twice, with a key of its own", ("dump.content",),
             in_rows("cutter_governance.verify_result", lambda rows: [*rows[:-1], b"6" + rows[-2][1:]])),
    InStream("rows-lost", "all rows of a table lost", ("dump.rows", "dump.content"),
             in_rows("cutter_governance.verify_result", lambda rows: [])),
    InStream("data-block-lost", "the data block of a table lost", ("dump.rows", "dump.content"),
             without(("verify_result", "TABLE DATA"))),
    InStream("table-left-out", "a table left out", ("dump.tables",),
             without(("review_decision", "TABLE"), ("review_decision_decision_id_seq", "SEQUENCE"),
                     ("review_decision", "TABLE DATA"), ("review_decision_decision_id_seq", "SEQUENCE SET"),
                     ("review_decision review_decision_pkey", "CONSTRAINT"),
                     ("review_decision review_decision_entry_id_fkey", "FK CONSTRAINT"))),
    InStream("table-left-out-elsewhere", "a table left out, of a schema that is not audited", _CENSUS,
             without(("scrap", "TABLE"), ("scrap", "TABLE DATA"), ("TABLE scrap", "ACL"))),
    InStream("another-database", "of another database, with the same tables and as many rows", ("dump.content",),
             arguments=of_database(DECOY)),
    InStream("another-empty-database", "of another database", ("dump.tables",), arguments=of_database("postgres")),
    InStream("function-left-out", "a function left out that a trigger needs", ("dump.census", "restore.clean"),
             without(("touch_updated()", "FUNCTION"))),
    *(InStream(f"{name}-left-out", what, _CENSUS, without(*entries), restored=False) for name, what, entries in (
        ("schema", "a schema left out", (("nothing_here", "SCHEMA"),)),
        ("extension", "an extension left out", (("pg_trgm", "EXTENSION"), ("EXTENSION pg_trgm", "COMMENT"))),
        ("type", "a type left out", (("span", "TYPE"),)),
        ("cast", "a cast left out", (("CAST (archive.place AS text)", "CAST"),)),
        ("procedure", "a procedure left out", (("tidy()", "PROCEDURE"),)),
        ("aggregate", "an aggregate left out", (("longest(text)", "AGGREGATE"),)),
        ("foreign-table", "a foreign table left out", (("far_account", "FOREIGN TABLE"), ("TABLE far_account", "ACL"))),
        ("view", "a view left out", (("open_decision", "VIEW"), ("TABLE open_decision", "ACL"))),
        ("matview", "a materialized view left out", (("balance", "MATERIALIZED VIEW"), ("balance_account", "INDEX"),
         ("TABLE balance", "ACL"), ("balance", "MATERIALIZED VIEW DATA"))),
        ("matview-data", "the filling of a materialized view left out", (("balance", "MATERIALIZED VIEW DATA"),)),
        ("sequence", "a sequence left out", (("ticket", "SEQUENCE"), ("ticket", "SEQUENCE SET"))),
        ("sequence-value", "a sequence's value left out", (("ticket", "SEQUENCE SET"),)),
        ("identity", "an identity left out", (("verify_result_verify_id_seq", "SEQUENCE"),
         ("verify_result_verify_id_seq", "SEQUENCE SET"))),
        ("primary-key", "a primary key left out", (("verify_result verify_result_pkey", "CONSTRAINT"),)),
        ("unique", "a unique constraint left out",
         (("manifest_envelope manifest_envelope_document_path_key", "CONSTRAINT"),)),
        ("exclusion", "an exclusion constraint left out", (("document document_scan_excl", "CONSTRAINT"),)),
        ("foreign-key", "a foreign key left out",
         (("manifest_unit_block manifest_unit_block_envelope_id_fkey", "FK CONSTRAINT"),)),
        ("index", "an index left out", (("decision_backlog_entry_tags", "INDEX"),)),
        ("statistics", "extended statistics left out", (("account_kind_share", "STATISTICS"),)),
        ("trigger", "a trigger left out", (("cut_change_set cut_change_set_touch", "TRIGGER"),)),
        ("rule", "a rule left out", (("inbox inbox_keeps", "RULE"),)),
        ("event-trigger", "an event trigger left out", (("watch_drops", "EVENT TRIGGER"),)),
        ("policy", "a policy left out", (("account only_business", "POLICY"),)),
        ("large-object", "a large object left out", (("90002", "BLOB"),)),
        ("publication", "a publication left out", (("changes", "PUBLICATION"),
         *((f"changes {table}", "PUBLICATION TABLE") for table in ("inbox", "outbox", "document")))),
    )),
    # What has no statement of its own, or is not counted in the dump: the restored copy's catalogues lack it.
    *(InStream(f"{name}-left-out", what, _OBJECTS, change) for name, what, change in (
        ("partition", "a partition not attached", without(("posting_2025", "TABLE ATTACH"))),
        ("serial-default", "a serial column's default left out",
         without(("decision_backlog_history history_id", "DEFAULT"))),
        ("default", "a column's default left out",
         replaced("    weight numeric(12,4) DEFAULT 1 NOT NULL,", "    weight numeric(12,4) NOT NULL,")),
        ("not-null", "NOT NULL left out", replaced("    signature bytea NOT NULL,", "    signature bytea,")),
        ("check", "a CHECK left out",
         replaced(",\n    CONSTRAINT manifest_unit_block_position_check CHECK ((\"position\" > 0))", "")),
        ("domain-check", "a domain's CHECK left out",
         replaced("\n\tCONSTRAINT percentage_check CHECK (((VALUE >= 0) AND (VALUE <= 100)))", "")),
        ("enum-label", "an enum label left out",
         replaced("    'rejected',\n    'deferred'\n", "    'rejected'\n")),
        ("generated", "a generated column left out that is a plain one now",
         replaced("    body_length integer GENERATED ALWAYS AS (length(body)) STORED", "    body_length integer")),
        ("row-security", "row-level security left out", without(("document", "ROW SECURITY"))),
        ("default-grant", "default privileges left out", without(("DEFAULT PRIVILEGES FOR TABLES", "DEFAULT ACL"))),
        ("comment", "a comment left out", without(("TABLE dot_pair_signature", "COMMENT"))),
        ("publication-table", "a publication's table left out", without(("changes outbox", "PUBLICATION TABLE"))),
        ("grant", "the grants on a table left out", without(("TABLE verify_result", "ACL"))),
        ("owner", "an owner left out",
         replaced("ALTER TABLE cutter_governance.review_decision OWNER TO directus;\n", "\n")),
        ("large-object-data", "the large objects' data left out", without(("BLOBS", "BLOBS"))),
    )),
    InStream("warning-unknown", "pg_dump warned of something that nobody classified", ("dump.warnings",),
             says="pg_dump: warning: could not find where to insert the missing table\n", restored=False),
    InStream("warning-said", "pg_dump left a subscription out and warned", ("dump.warnings", "dump.census"),
             without(("mirror", "SUBSCRIPTION")),
             says="pg_dump: warning: subscriptions not dumped because current user is not a superuser\n",
             restored=False),
    InStream("warning-swallowed", "pg_dump left a subscription out and its warning was swallowed", _CENSUS,
             without(("mirror", "SUBSCRIPTION")), restored=False),
    # Beyond the audited schema: production's rows are read there when closeout_production_content says so.
    *(InStream(name, what + "; production_content: all", ("dump.content",), change,
               settings={"production_content": "all"}) for name, what, change in (
        ("bit-flipped-elsewhere", "one bit flipped in a row of a schema that is not audited",
         bit_flipped("\tuser7@example.test\t", "user7")),
        ("row-removed-elsewhere", "a row removed, in a schema that is not audited",
         in_rows("public.directus_activity", lambda rows: rows[:-1])),
        ("row-doubled-elsewhere", "a row doubled, in a table without a key",
         in_rows("archive.outbox", lambda rows: [*rows, rows[-1]])),
        ("rows-exchanged", "rows swapped between two tables", rows_exchanged("archive.inbox", "archive.outbox")),
    )),
    # Changed in the dump, and so in the copy: only what production's catalogues themselves say can tell.
    *(InStream(name, what, _OBJECTS, change) for name, what, change in (
        ("function-bit-flipped", "one bit flipped in a function's body",
         bit_flipped("coalesce(sum(amount), 0) * 1.19", "9")),
        ("function-not-definer", "a function without SECURITY DEFINER",
         replaced("LANGUAGE plpgsql STABLE SECURITY DEFINER", "LANGUAGE plpgsql STABLE")),
        ("index-other-column-dumped", "an index on another column",
         replaced("USING btree (weight DESC)", "USING btree (entry_id DESC)")),
        ("unique-other-column-dumped", "a unique constraint on another column",
         replaced("UNIQUE (email)", "UNIQUE (id)")),
        ("foreign-key-changed-dumped", "a foreign key that does not cascade any more",
         replaced("REFERENCES cutter_governance.manifest_envelope(envelope_id) ON DELETE CASCADE",
                  "REFERENCES cutter_governance.manifest_envelope(envelope_id)")),
        ("default-changed-dumped", "a column's default changed",
         replaced("    weight numeric(12,4) DEFAULT 1 NOT NULL,", "    weight numeric(12,4) DEFAULT 2 NOT NULL,")),
        ("column-type-changed-dumped", "a column of another type",
         replaced("    title character varying(40) NOT NULL,", "    title character varying(400) NOT NULL,")),
        ("check-changed-dumped", "a CHECK changed, of those that are deparsed in another way after a restore",
         replaced("ARRAY['draft'::character varying,", "ARRAY['droft'::character varying,")),
        ("domain-check-changed-dumped", "a domain's CHECK changed", replaced("(VALUE <= 100)", "(VALUE <= 1000)")),
        ("enum-label-changed-dumped", "an enum label changed", replaced("    'deferred'\n", "    'delayed'\n")),
        ("generated-changed-dumped", "a generated column changed",
         replaced("GENERATED ALWAYS AS (length(body)) STORED", "GENERATED ALWAYS AS (octet_length(body)) STORED")),
        ("view-changed-dumped", "a view changed", replaced("\n  WHERE (NOT closed);", "\n  WHERE closed;")),
        ("trigger-changed-dumped", "a trigger at another time",
         replaced("posting_no_future BEFORE INSERT", "posting_no_future AFTER INSERT")),
        ("rule-changed-dumped", "a rule changed",
         replaced("(old.sender = 'boss'::text)", "(old.sender = 'bess'::text)")),
        ("policy-changed-dumped", "a policy for another role",
         replaced("ON archive.account FOR SELECT TO drill_reader", "ON archive.account FOR SELECT TO drill_editor")),
        ("statistics-changed-dumped", "extended statistics of another column",
         replaced("ON kind, share FROM archive.account", "ON kind, id FROM archive.account")),
        ("sequence-changed-dumped", "a sequence with another increment",
         replaced("    INCREMENT BY 10\n", "    INCREMENT BY 1\n")),
        ("publication-filter-changed", "a publication's row filter changed",
         replaced("((sender <> 'boss'::text))", "((sender <> 'bess'::text))")),
        ("grant-changed-dumped", "a column's grant to another role",
         replaced("GRANT SELECT(title) ON TABLE archive.account TO drill_editor",
                  "GRANT SELECT(title) ON TABLE archive.account TO drill_reader")),
        ("comment-changed-dumped", "a comment changed", replaced("'gross, in EUR'", "'gross, in USD'")),
    )),
    InStream("sequence-value-changed", "a sequence's value changed", ("dump.sequences",),
             replaced("SELECT pg_catalog.setval('archive.ticket', 1040, true);",
                      "SELECT pg_catalog.setval('archive.ticket', 1000, true);")),
    InStream("large-object-bit-flipped", "one bit flipped in a large object; production_content: all",
             ("dump.content",), bit_flipped("\\x89504e470d0a1a0a", "e470d"), settings={"production_content": "all"}),
)  # fmt: skip

_ANOTHER_MANIFEST = "is not what was written with the dump"
_OF_THE_FILES = (
    InFiles("replaced-before-restore", "the dump replaced after the checksum by another run's",
            ("dump.sha256_confirmed",), "dump_audit", _replace_dump),
    InFiles("replaced-after-restore", "the dump replaced after the restore by another run's",
            ("dump.sha256_confirmed",), "compare", _replace_dump),
    InFiles("bit-flipped-on-disk", "one bit flipped in the file after the checksum",
            ("dump.sha256_confirmed",), "dump_audit", _flip_a_bit),
    InFiles("cut-off-on-disk", "the file cut off after the checksum",
            ("dump.sha256_confirmed",), "dump_audit", _cut_off),
    InFiles("manifest-edited", "the manifest edited: a row less", ("evidence.whole",), "dump",
            _edit_manifest(_one_row_less), because=_ANOTHER_MANIFEST),
    InFiles("manifest-edited-well", "the manifest edited: a row less, and its digest too", ("dump.rows",), "dump",
            _edit_manifest(_one_row_less, digest=True)),
    InFiles("manifest-edited-late", "the manifest edited after its audit", ("evidence.whole",), "dump_audit",
            _edit_manifest(_one_row_less), because="is not what was written with the dump"),
    InFiles("manifest-empty", "a manifest of no tables, and its digest too", ("dump.tables", "dump.rows"), "dump",
            _edit_manifest(_no_tables, digest=True)),
    InFiles("manifest-of-another-run", "the manifest of another run", ("evidence.whole",), "dump",
            _manifest_of_another_run, because=_ANOTHER_MANIFEST),
    InFiles("census-edited", "the census of production edited: an object less", ("evidence.whole",), "dump_audit",
            _edit_census, because="is not what was written with the dump"),
    InFiles("globals-edited", "the globals edited: a role less", ("restore.clean",), "dump_audit", _edit_globals),
)  # fmt: skip

_OF_THE_EVIDENCE = (
    InEvidence("expectation-empty", "the resolved expectation is empty",
               ("dump.tables", "dump.rows", "restore.tables", "restore.rows", "production.tables"), _no_expectation),
    InEvidence("audit-of-another-run", "the audit of another run's copy", ("evidence.whole",),
               _step_of_another_run("restored_audit"), because="evidence of another run: restored_audit"),
    InEvidence("compare-of-another-run", "the comparison of another run", ("evidence.whole",),
               _step_of_another_run("compare"), because="evidence of another run: compare"),
    InEvidence("restore-of-another-run", "the restore of another run, under this run's id",
               ("dump.sha256_confirmed", "scratch.guard"), _restore_of_another_run),
    InEvidence("compare-elsewhere", "a comparison with production itself", ("restore.content", "restore.objects"),
               _compared_elsewhere),
    InEvidence("compare-of-nothing", "a comparison of nothing", ("restore.content", "restore.objects"),
               _compared_nothing),
    InEvidence("compare-not-made", "no comparison", ("evidence.whole",), _not_compared, because="missing: compare"),
    InEvidence("dump-shrunk", "a dump of three quarters of the last good one", ("trend.shrink",),
               after_another(size_bytes=1.334)),
    InEvidence("rows-shrunk", "three quarters of the last good run's rows", ("trend.shrink",),
               after_another(rows=1.334)),
    InEvidence("audited-rows-shrunk", "three quarters of the last good run's rows in the audited schema",
               ("trend.shrink",), after_another(audited_rows=1.334)),
    InEvidence("shrunk-in-another-format", "three quarters of the text, where the last good dump was compressed",
               ("trend.shrink",), after_another(compression="zstd", size_bytes=1, text_bytes=1.334)),
    InEvidence("last-run-forgotten", "the last good run is not in what the history says", ("trend.shrink",),
               _forgotten),
    InEvidence("last-run-of-another-database", "the last good run is one of another database", ("trend.shrink",),
               after_another(db="another")),
    InEvidence("last-run-failed", "the last good run is one that failed", ("trend.shrink",),
               after_another(result="FAIL")),
    InEvidence("history-not-read", "the history was not read", ("evidence.whole",), _history_not_read,
               because="missing: history"),
    InEvidence("production-crashed", "production crashed and recovered between the two witnesses",
               ("production.not_restarted",), _checkpointer_anew, because="it crashed and recovered in between"),
    InEvidence("production-crashed-unseen", "the same, for a user who does not see the server's processes",
               ("production.not_restarted",), _statistics_anew, because="somebody reset all its statistics"),
    InEvidence("crash-signs-not-read", "the witnesses did not read whether production crashed",
               ("evidence.whole", "production.not_restarted"), _crash_signs_not_read,
               because="production.before.checkpointer_start_utc"),
    InEvidence("value-masked", "a value masked by Ansible", ("evidence.whole",), _masked, because="masked"),
)  # fmt: skip

_REWRITTEN = "Tables were truncated, rewritten, renamed or dropped after the snapshot, or their schema was"
_OF_THE_RACE = (
    InRace("race-truncate", "a table truncated between snapshot and dump, each time", ("evidence.whole",),
           ("TRUNCATE cutter_governance.z_last",
            "TRUNCATE cutter_governance.z_last",
            "TRUNCATE cutter_governance.z_last"), because=_REWRITTEN),
    InRace("race-rewrite", "a table rewritten between snapshot and dump, each time", ("evidence.whole",),
           ("ALTER TABLE cutter_governance.z_last ALTER note TYPE varchar(9)",
            "ALTER TABLE cutter_governance.z_last ALTER note TYPE char(9)",
            "ALTER TABLE cutter_governance.z_last ALTER note TYPE varchar(8)"), because=_REWRITTEN),
)  # fmt: skip

MUTANTS: tuple[Mutant, ...] = (
    *_OF_THE_STREAM,
    *_OF_THE_RACE,
    *_OF_THE_FILES,
    *(InCopy(name, what, checks, sql) for name, what, checks, sql in _OF_THE_COPY),
    InSettings("schema-of-nothing", "a schema without a table: nothing to expect", ("dump.tables", "restore.tables"),
               {"schema": EMPTY_SCHEMA}),
    *_OF_THE_EVIDENCE,
)  # fmt: skip

UNCHANGED = InStream("unchanged", "pg_dump's output as it is", ())
UNCHANGED_ALL = InStream("unchanged-all", "the same; production_content: all", (),
                         settings={"production_content": "all"})  # fmt: skip
"""No mutants: controls."""

SURVIVORS: dict[str, str] = {}
"""Mutants that pass, and why. One that is killed must go from here."""


def _pg_dump(name: str, program: str, arguments: list[str]) -> int:
    """Be pg_dump with a mutant; the return code."""
    if "--version" in arguments:
        return subprocess.run([program, *arguments], check=False).returncode
    (mutant,) = [one for one in (*MUTANTS, UNCHANGED, UNCHANGED_ALL) if one.id == name and isinstance(one, InStream)]
    done = subprocess.run([program, *mutant.arguments(arguments)], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        return done.returncode
    sys.stdout.buffer.write(mutant.change(done.stdout) if mutant.change else done.stdout)
    sys.stdout.buffer.flush()
    sys.stderr.write(mutant.says)
    return mutant.ends


if __name__ == "__main__":
    sys.exit(_pg_dump(sys.argv[1], sys.argv[2], sys.argv[3:]))
