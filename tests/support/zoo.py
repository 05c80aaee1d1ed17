"""A database that holds one of everything, made by DDL and DML, on any supported version: for "no false alarm"."""

from __future__ import annotations

from pathlib import Path

from tests.support.places import DATA
from tests.support.postgres import Cluster

ZOO = DATA / "zoo"
TABLESPACE = "zoo_space"
ROLES = (
    "zoo_owner",
    "zoo_reader",
    "zoo_writer",
    "zoo_superuser",
    'zoo "odd; role" -- ',
    "zoo line\n\\.\nbreak",
    "{{ zoo }}",
)
# What a database and a role may set, and a dump must not show.
_DATABASE_SETTINGS = {
    "timezone": "Asia/Kolkata",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-3",
    "xmloption": "document",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "default_text_search_config": "simple",
    "search_path": '"select", names, public',
    "array_nulls": "off",
    "transform_null_equals": "on",
    "zoo.custom": 'it\'s \\ "odd"; -- ',
}
_ROLE_SETTINGS = {"datestyle": "German, DMY", "intervalstyle": "iso_8601"}
# In this order: later ones use what earlier ones made, and event triggers act on whatever follows.
_FILES = (
    "extensions",
    "types",
    "values",
    "sequences",
    "large_objects",
    "limits",
    "partitions",
    "tables",
    "storage",
    "views",
    "deparse",
    "programs",
    "names",
    "security",
    "foreign",
    "comments",
)
_LAST = "replication"


def build(server: Cluster, db: str, *, big_value: bool = True) -> None:
    """Fill the empty database `db` with the sample (schema cutter_governance, 12 tables) and one of everything.

    Several databases of a server can be filled. Roles and a tablespace are made once per server; the database and the
    superuser get settings of their own, for sessions that begin later. `big_value=False` leaves a value of 100 MB out.
    RuntimeError when a statement fails.
    """
    _make_roles(server)
    _make_tablespace(server)
    # Made anew it is no longer one of those that a new database has.
    server.psql("DROP EXTENSION plpgsql; CREATE EXTENSION plpgsql", db)
    server.psql((DATA / "cutter_governance.sql").read_text(encoding="utf-8"), db)
    for path in _files(server, db, big_value=big_value):
        try:
            server.psql(path.read_text(encoding="utf-8"), db)
        except RuntimeError as error:
            raise RuntimeError(f"{path.name}: {error}") from error
    _set_defaults(server, db)


def has_xml(server: Cluster, db: str = "postgres") -> bool:
    """Whether the server was built with libxml."""
    return server.psql("SELECT count(*) FROM pg_config WHERE setting LIKE '%-lxml2%'", db) != "0"


def _files(server: Cluster, db: str, *, big_value: bool) -> list[Path]:
    """The files for this server, in order."""
    names = list(_FILES)
    if has_xml(server, db):
        names.append("xml")
    if big_value:
        names.append("big_value")
    names += [f"v{major}" for major in range(15, server.installation.major + 1)]
    return [ZOO / f"{name}.sql" for name in (*names, _LAST)]


def _make_roles(server: Cluster) -> None:
    """The roles of the zoo, with attributes, memberships and a comment, unless another database made them."""
    there = server.psql("SELECT rolname FROM pg_roles WHERE rolname = 'zoo_owner'")
    if there:
        return
    names = [_identifier(role) for role in ROLES]
    owner, reader, writer, superuser, *odd = names
    statements = [f"CREATE ROLE {name}" for name in names]
    statements += [
        f"ALTER ROLE {superuser} SUPERUSER",
        f"ALTER ROLE {reader} LOGIN NOINHERIT CONNECTION LIMIT 3 VALID UNTIL '2030-01-01 00:00+00'",
        f"ALTER ROLE {odd[0]} BYPASSRLS CREATEDB CREATEROLE REPLICATION",
        f"GRANT {reader} TO {writer} WITH ADMIN OPTION",
        f"GRANT {owner} TO {odd[1]}",
        f"GRANT pg_read_all_data TO {odd[2]}",
        f"COMMENT ON ROLE {owner} IS 'it''s; -- '",
    ]
    server.psql(";\n".join(statements))


def _make_tablespace(server: Cluster) -> None:
    """A tablespace inside the data directory (for developers; in all supported minor versions), unless it is there."""
    if not server.psql(f"SELECT 1 FROM pg_tablespace WHERE spcname = '{TABLESPACE}'"):
        server.psql(f"SET allow_in_place_tablespaces = on;\nCREATE TABLESPACE {TABLESPACE} LOCATION ''")
        server.psql(
            f"COMMENT ON TABLESPACE {TABLESPACE} IS 'in place'; GRANT CREATE ON TABLESPACE {TABLESPACE} TO zoo_owner"
        )


def _set_defaults(server: Cluster, db: str) -> None:
    """Settings of the database and of the superuser in it, its owner and its privileges; none of them is in a dump."""
    database, user = _identifier(db), _identifier(server.user)
    statements = [f"ALTER DATABASE {database} SET {name} = {_value(name, v)}" for name, v in _DATABASE_SETTINGS.items()]
    statements += [
        f"ALTER ROLE {user} IN DATABASE {database} SET {name} = {_value(name, v)}" for name, v in _ROLE_SETTINGS.items()
    ]
    statements += [
        f"ALTER DATABASE {database} OWNER TO zoo_owner",
        f"GRANT TEMPORARY ON DATABASE {database} TO zoo_reader WITH GRANT OPTION",
        f"COMMENT ON DATABASE {database} IS 'one of everything; -- '",
    ]
    # From another database, and in one session: what is set must not act on the statements that follow.
    server.psql(";\n".join(statements))


def _identifier(name: str) -> str:
    """The name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def _value(name: str, value: str) -> str:
    """A setting's value as ALTER … SET wants it: a list as it stands, anything else as a string."""
    if name in ("datestyle", "search_path"):
        return value
    return "'" + value.replace("'", "''") + "'"
