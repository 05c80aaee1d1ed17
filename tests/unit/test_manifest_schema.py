"""docs/manifest.schema.json describes what is written: every field, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._entries import Entry
from ansible_collections.incomex.closeout.plugins.module_utils._large_objects import Data
from ansible_collections.incomex.closeout.plugins.module_utils._manifest import (
    SCHEMA,
    SequenceEntry,
    TableEntry,
    manifest_of,
)

from tests.support.places import ROOT
from tests.unit.evidence import DUMP_SHA256, RUN_ID

# ansible-lint brings it.
jsonschema = pytest.importorskip("jsonschema")

DOCUMENT: dict[str, Any] = json.loads((ROOT / "docs" / "manifest.schema.json").read_text())
DUMP = b"""\
SET client_encoding = 'UTF8';
SET default_tablespace = '';
CREATE SCHEMA s;
ALTER SCHEMA s OWNER TO bob;
CREATE TYPE s.mood AS ENUM (
    'a'
);
CREATE FUNCTION s.f(a integer) RETURNS integer
    LANGUAGE sql
    AS $$SELECT 1$$;
CREATE TABLE s.t (
    x integer,
    y text
);
ALTER TABLE s.t OWNER TO bob;
CREATE TABLE s.child (
    x integer,
    y text
)
INHERITS (s.t);
CREATE UNLOGGED TABLE s.quick (
    x integer
);
CREATE TABLE s.part (
    x integer
)
PARTITION BY HASH (x);
CREATE TABLE s.part_1 (
    x integer
);
ALTER TABLE ONLY s.part ATTACH PARTITION s.part_1 FOR VALUES WITH (modulus 1, remainder 0);
CREATE SEQUENCE s.q
    START WITH 1;
SELECT pg_catalog.lo_create('16400');
COPY s.t (x, y) FROM stdin;
1\ta
2\t\\N
\\.

COPY s.child (x, y) FROM stdin;
\\.

COPY s.part (x) FROM stdin;
1
\\.

COPY ext.config (x) FROM stdin;
1
\\.

SELECT pg_catalog.setval('s.q', 7, true);
BEGIN;
SELECT pg_catalog.lo_open('16400', 131072);
SELECT pg_catalog.lowrite(0, '\\x6162');
SELECT pg_catalog.lo_close(0);
COMMIT;
CREATE INDEX i ON s.t USING btree (x);
GRANT SELECT ON TABLE s.t TO bob;
DO $$BEGIN END$$;
--
-- PostgreSQL database dump complete
--

"""


def written() -> Any:
    """Return what is written of a small dump that has something of everything."""
    about: dict[str, Any] = {"name": "x.sql", "format": "plain", "compression": "none", "encryption": "none"}
    about |= {"size_bytes": len(DUMP), "sha256": DUMP_SHA256}
    return json.loads(manifest_of([DUMP]).as_json(run_id=RUN_ID, dump=about))


def is_valid(document: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(DOCUMENT).is_valid(document))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)
    assert DOCUMENT["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert DOCUMENT["properties"]["schema"]["const"] == SCHEMA


def test_what_is_written_is_valid() -> None:
    document = written()
    jsonschema.Draft202012Validator(DOCUMENT).validate(document)
    assert document["complete"] is True
    assert all(document[name] for name in ("entries", "tables", "sequences", "large_objects"))
    tables = {table["name"]: table for table in document["tables"]}
    assert tables["t"]["rows"] == 2 and tables["quick"]["rows"] is None and tables["config"]["created"] is False
    assert tables["part_1"]["parent"] == ["s", "part"]
    assert any(entry["unordered_sha256"] for entry in document["entries"])
    assert {entry["type"] for entry in document["entries"]} >= {"TABLE", "INDEX", "ACL", "OTHER", "SEQUENCE SET"}


def test_every_field_is_described_and_no_other() -> None:
    described = {
        "entry": DOCUMENT["$defs"]["entry"],
        "table": DOCUMENT["$defs"]["table"],
        "sequence": DOCUMENT["properties"]["sequences"]["items"],
        "large object": DOCUMENT["properties"]["large_objects"]["items"],
        "file": DOCUMENT,
    }
    fields = {
        "entry": list(Entry._fields),
        "table": [field.name for field in dataclasses.fields(TableEntry)],
        "sequence": [field.name for field in dataclasses.fields(SequenceEntry)],
        "large object": list(Data._fields),
        "file": list(written()),
    }
    for name, part in described.items():
        assert list(part["properties"]) == part["required"] == fields[name], name
        assert part["additionalProperties"] is False


@pytest.mark.parametrize("part", ["", "dump", "entries.0", "tables.0", "sequences.0", "large_objects.0"])
def test_nothing_may_be_missing_and_nothing_else_be_there(part: str) -> None:
    path = [int(name) if name.isdigit() else name for name in part.split(".") if name]

    def inner(document: Any) -> Any:
        for name in path:
            document = document[name]
        return document

    for name in inner(written()):
        less = written()
        del inner(less)[name]
        assert not is_valid(less), name
    more = written()
    inner(more)["other"] = 1
    assert not is_valid(more)


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("schema", {"schema": "incomex.closeout/manifest/2"}),
        ("run_id", {"run_id": "x"}),
        ("a digest of an entry", {"entries": [{**Entry("TABLE", "s", "t", sha256="ab")._asdict()}]}),
        ("rows without a digest", {"tables": [dataclasses.asdict(TableEntry("s", "t", rows=1))]}),
        ("a digest without rows", {"tables": [dataclasses.asdict(TableEntry("s", "t", sha256="ab" * 32))]}),
        ("a parent without a schema", {"tables": [dataclasses.asdict(TableEntry("s", "t", parent=["t"]))]}),
        ("a block of one number", {"tables": [dataclasses.asdict(TableEntry("s", "t", blocks=[[1]]))]}),
        ("true as a number", {"tables": [dataclasses.asdict(TableEntry("s", "t", rows=True))]}),
        ("a value as text", {"sequences": [{"schema": "s", "name": "q", "last_value": "7", "is_called": True}]}),
    ],
)
def test_what_is_never_written_is_not_valid(part: str, values: dict[str, Any]) -> None:
    assert not is_valid({**written(), **values}), part
