"""The data that is measured: the sample of the tests, and beside it rows of a size that is asked for.

All is made by the server itself (generate_series), and then vacuumed: no reader pays for hint bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.measure import say
from tests.bench.servers import Server
from tests.support.places import DATA

MB = 1_000_000
# Bytes of one customer with his 4 invoices and 8 activities in a plain dump, measured.
_CUSTOMER_BYTES = 1208
_SHOP = """
CREATE TABLE customer (id bigint, name text NOT NULL, email text NOT NULL, country text, since timestamptz NOT NULL,
    profile jsonb NOT NULL);
CREATE TABLE invoice (id bigint, customer_id bigint NOT NULL, number text NOT NULL, issued timestamptz NOT NULL,
    total numeric(12, 2) NOT NULL, status text NOT NULL, remark text);
CREATE TABLE activity (id bigint, invoice_id bigint NOT NULL, at timestamptz NOT NULL, kind text NOT NULL,
    payload jsonb NOT NULL);
INSERT INTO customer
    SELECT i, 'Customer ' || i, 'c' || i || '@example.org', (ARRAY['VN', 'DE', 'FR', NULL])[1 + i %% 4],
        '2020-01-01'::timestamptz + i * interval '7 seconds', jsonb_build_object('tier', i %% 5, 'tag', md5(i::text))
    FROM generate_series(1::bigint, %(customers)s) AS i;
INSERT INTO invoice
    SELECT i, 1 + (i * 7919) %% %(customers)s, 'INV-' || i, '2021-01-01'::timestamptz + i * interval '3 seconds',
        (i %% 1000000) / 100.0, (ARRAY['open', 'paid', 'void'])[1 + i %% 3],
        CASE WHEN i %% 5 = 0 THEN E'first line\\nsecond\\tline ' || md5(i::text) END
    FROM generate_series(1::bigint, 4 * %(customers)s) AS i;
INSERT INTO activity
    SELECT i, 1 + (i * 104729) %% (4 * %(customers)s), '2022-01-01'::timestamptz + i * interval '1 second',
        (ARRAY['created', 'sent', 'viewed', 'paid'])[1 + i %% 4], jsonb_build_object('by', i %% 97, 'ref', md5(i::text))
    FROM generate_series(1::bigint, 8 * %(customers)s) AS i;
ALTER TABLE customer ADD PRIMARY KEY (id);
ALTER TABLE invoice ADD PRIMARY KEY (id), ADD FOREIGN KEY (customer_id) REFERENCES customer;
ALTER TABLE activity ADD PRIMARY KEY (id), ADD FOREIGN KEY (invoice_id) REFERENCES invoice;
CREATE INDEX ON invoice (customer_id);
CREATE INDEX ON invoice (issued);
CREATE INDEX ON activity (invoice_id);
"""
_NARROW = """
CREATE TABLE reading (id integer, value integer);
INSERT INTO reading SELECT i, i %% 1000 FROM generate_series(1, %(count)s) AS i;
"""
# In parts: one transaction would need a lock for every table and every index.
_TABLES = """
CREATE SCHEMA many;
DO $$ BEGIN FOR i IN 1..%(count)s LOOP
    EXECUTE format('CREATE TABLE many.t%%s (id integer PRIMARY KEY, label text NOT NULL)', i);
    EXECUTE format('INSERT INTO many.t%%s SELECT j, ''row '' || j FROM generate_series(1, 10) AS j', i);
    IF i %% 500 = 0 THEN COMMIT; END IF;
END LOOP; END $$;
"""
_LARGE_OBJECTS = """
DO $$ BEGIN FOR i IN 1..%(count)s LOOP
    PERFORM lo_from_bytea(0, convert_to(repeat(md5(i::text), 8), 'UTF8'));
    IF i %% 1000 = 0 THEN COMMIT; END IF;
END LOOP; END $$;
"""
_SCRIPTS = {"narrow rows": _NARROW, "tables": _TABLES, "large objects": _LARGE_OBJECTS}


@dataclass(frozen=True)
class Shape:
    """What a database holds beside the sample: `kind` is "shop" (`count` is the MB of its plain dump), "narrow rows",
    "tables" or "large objects" (`count` is how many). A count of 0 is the sample alone."""

    kind: str
    count: int

    @property
    def db(self) -> str:
        """The name of the database that has this shape."""
        return f"bench_{self.kind.replace(' ', '_')}_{self.count}"

    @property
    def title(self) -> str:
        """As it is said in tables."""
        if self.count == 0:
            return "the sample alone"
        return f"{self.count:,} MB" if self.kind == "shop" else f"{self.count:,} {self.kind}"


def build(server: Server, shape: Shape) -> None:
    """Make the database of a shape on a server that does not have it."""
    say(f"building {shape.title}")
    _run(server, "postgres", f'CREATE DATABASE "{shape.db}" TEMPLATE template0')
    _run(server, shape.db, (DATA / "cutter_governance.sql").read_text())
    if shape.kind == "shop":
        script = _SHOP % {"customers": shape.count * MB // _CUSTOMER_BYTES} if shape.count else ""
    else:
        script = _SCRIPTS[shape.kind] % {"count": shape.count}
    for statement in _statements(script):
        _run(server, shape.db, statement)
    _run(server, shape.db, "VACUUM (FREEZE, ANALYZE)")
    _run(server, shape.db, "CHECKPOINT")


def drop(server: Server, shape: Shape) -> None:
    """Remove the database again."""
    _run(server, "postgres", f'DROP DATABASE "{shape.db}"')


def _statements(script: str) -> list[str]:
    """The statements of a script of this file: each ends with a semicolon at the end of a line, a DO with `$$;`."""
    found: list[str] = []
    lines: list[str] = []
    for line in script.strip().splitlines():
        lines.append(line)
        if line.endswith(";") and (not lines[0].startswith("DO ") or line.endswith("$$;")):
            found.append("\n".join(lines))
            lines = []
    return found


def _run(server: Server, db: str, statement: str) -> None:
    """Run one statement (or, for the sample, a script) in a connection of its own."""
    connection = server.connect(db)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
