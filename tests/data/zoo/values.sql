-- Values at the edge of every built-in type. The settings of this file are on purpose not the server's.

CREATE SCHEMA "values";
SET search_path = "values";
SET timezone = 'UTC';

CREATE TABLE numbers (
    id serial, i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision, n numeric, n62 numeric(6, 2),
    m money, o oid, x xid, x8 xid8, b boolean
);
INSERT INTO numbers (i2, i4, i8, f4, f8, n, n62, m, o, x, x8, b) VALUES
    (-32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity', '-Infinity', -9999.99,
     '-92233720368547758.08', 0, '0', '0', false),
    (32767, 2147483647, 9223372036854775807, 'Infinity', 'Infinity', 'Infinity', 9999.99,
     '92233720368547758.07', 4294967295, '4294967295', '18446744073709551615', true),
    (0, 0, 0, 'NaN', 'NaN', 'NaN', 'NaN', '0', 1, '1', '1', NULL),
    (NULL, NULL, NULL, '-0', '-0', '-0.000', 0.005, NULL, NULL, NULL, NULL, NULL),
    (1, 1, 1, '1e-45', '5e-324', '1e-1000', 1, '$1,234.56', 1, '3', '3', true),
    (2, 2, 2, '3.4028235e38', '1.7976931348623157e308', '1e1000', 2, '0.01', 2, '4', '4', true),
    (3, 3, 3, '0.1', '0.1', '0.1000000000000000000000000000000000000001', 3, NULL, NULL, NULL, NULL, NULL),
    (4, 4, 4, '16777217', '9007199254740993', '123456789012345678901234567890.123456789', 4, NULL, NULL, NULL, NULL, NULL),
    (5, 5, 5, '1.17549435e-38', '2.2250738585072014e-308', ('9' || repeat('0', 5000))::numeric, 5, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE texts (id serial, t text, v varchar(12), c char(8), ch "char", n name, b bytea, bits bit(5), vb bit varying);
INSERT INTO texts (t, v, c, ch, n, b, bits, vb) VALUES
    ('', '', '', '', '', '', B'00000', B''),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (E'\\.', E'\\.', E'\\.', '\', E'\\.', '\\', B'10101', B'1'),
    (E'\\N', E'\\N', E'\\N', 'N', E'\\N', '\x5c4e', B'11111', repeat('10', 500)::bit varying),
    ('NULL', 'null', 'NULL', 'x', 'NULL', '\x00', NULL, NULL),
    (E'a\tb\nc\rd\r\ne\bf\fg\vh', E'\t', E'\n', E'\n', E'\r', '\x090a0d', NULL, NULL),
    (E'\n', E'\r', 'ab   ', ' ', 'ab   ', 'abc   ', NULL, NULL),
    (E'\\.\n\\.\n', E' lead', E' lead', 'q', E'"', E'\\000\\377''"', NULL, NULL),
    (E'COPY public.fake (a) FROM stdin;\n1\n\\.\n', 'trail ', 'tr  ', '-', '--', NULL, NULL, NULL),
    (E'-- PostgreSQL database dump complete\n--\n\n', E'\\\\', E'\\', ';', E'\\connect x', NULL, NULL, NULL),
    (E'\\restrict x\n\\unrestrict x\n\\connect template1\n\\! true\n', E'\\q', NULL, NULL, NULL, NULL, NULL, NULL),
    (E'Điều 44 — Ünïcödé 😀 \u200D\uFEFF\u202E e\u0301 \U0010FFFF', 'Điều', 'Điều', 'D', 'Điều', 'Điều'::text::bytea, NULL, NULL),
    (E'\u0001\u0007\u001b[31m\u007f\u0085\u2028', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    ('{{ lookup("pipe", "false") }} {% raw %}', '{{ 1/0 }}', '{{ a }}', '{', '{#', NULL, NULL, NULL),
    (repeat(E'x\\y\tz\n', 20000), NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO texts (b) SELECT decode(string_agg(lpad(to_hex(n), 2, '0'), '' ORDER BY n), 'hex') FROM generate_series(0, 255) AS n;
INSERT INTO texts (b) SELECT decode(repeat('00ff0a5c', 50000), 'hex');

-- One column only: an empty line, and a line that would end the data.
CREATE TABLE one_column (t text);
INSERT INTO one_column VALUES (''), (NULL), (E'\\.'), (E'\\N'), (E'\\'), ('.'), (''), (E'\n\\.\n'), (E'\\\\.');

CREATE TABLE times (
    id serial, d date, t time, t3 time(3), tz timetz, ts timestamp, tstz timestamptz, ts0 timestamptz(0),
    i interval, iy interval year to month, i2 interval second(2)
);
INSERT INTO times (d, t, t3, tz, ts, tstz, ts0, i, iy, i2) VALUES
    ('-infinity', '00:00', '00:00:00.0005', '00:00+15:59', '-infinity', '-infinity', '-infinity', '0', '0', '0'),
    ('infinity', '24:00:00', '23:59:59.9996', '24:00-15:59', 'infinity', 'infinity', 'infinity',
     '178000000 years', '-1 year -2 mons', '1.005'),
    ('4713-01-01 BC', '23:59:59.999999', NULL, '23:59:60+05:30', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC',
     '0001-12-31 23:59:59+00 BC', '-178000000 years', NULL, NULL),
    ('5874897-12-31', '12:34:56.000001', NULL, '12:34:56.000001+00', '294276-12-31 23:59:59.999999',
     '294276-12-31 23:59:59.999999+00', '1883-11-18 12:00:00+00',
     '1 year -2 mons +3 days -04:05:06.789', NULL, NULL),
    ('2024-02-29', NULL, NULL, NULL, '2024-02-29 23:59:59.000001', '2024-03-31 01:30:00.123456+00',
     '1800-01-01 00:00:00+00', '-1 day +00:00:00.000001', NULL, NULL),
    ('0001-01-01', NULL, NULL, NULL, '1900-01-01', '1900-01-01 00:00:00+00', NULL, '1 mon', NULL, NULL),
    ('01-02-2003', NULL, NULL, NULL, '2003-02-01 04:05', '2024-10-27 00:30:00+00', '2024-10-27 01:30:00+00',
     '-1 mon +1 day -1 us', NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE nets (id serial, u uuid, i inet, c cidr, m macaddr, m8 macaddr8, l pg_lsn, t tid, s pg_snapshot, tx txid_snapshot);
INSERT INTO nets (u, i, c, m, m8, l, t, s, tx) VALUES
    ('00000000-0000-0000-0000-000000000000', '0.0.0.0/0', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00',
     '0/0', '(0,0)', '1:1:', '1:1:'),
    ('ffffffff-ffff-ffff-ffff-ffffffffffff', 'fe80::1/64', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff',
     'ff:ff:ff:ff:ff:ff:ff:ff', 'FFFFFFFF/FFFFFFFF', '(4294967295,65535)', '10:20:10,14,15', '10:20:10,14,15'),
    (NULL, '192.168.1.7/24', '192.168/16', NULL, NULL, NULL, NULL, NULL, NULL),
    (NULL, '::ffff:1.2.3.4', '::/0', NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE shapes (id serial, p point, l line, s lseg, b box, pa path, po polygon, c circle);
INSERT INTO shapes (p, l, s, b, pa, po, c) VALUES
    ('(0.1,-0)', '{1,-1,0}', '[(0,0),(1,1)]', '(2,2),(1,1)', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),1>'),
    ('(NaN,Infinity)', '{0,-1e-5,1}', '[(1e308,1),(1,1e-308)]', '(0,0),(0,0)', '((0,0),(1,1))', '((0.1,0.2))', '<(1,1),0>'),
    ('(5e-324,1.7976931348623157e308)', NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE documents (id serial, j json, jb jsonb, jp jsonpath, tv tsvector, tq tsquery);
INSERT INTO documents (j, jb, jp, tv, tq) VALUES
    (E'{"a" : 1,\n  "a":2, "\\u0041": "\\u0000"}', '{"a": 1, "a": 2, "z": [null, true, 1.10, 1e400]}', '$.a[*] ? (@ > 1)',
     'a:1A b:2B,3C ''it''''s'':4 ''\\back'':5', '(a & !b) | c <-> d:AB*'),
    ('null', 'null', 'strict $."a b".c', '', ''),
    ('""', '""', '$', 'x', '''it''''s'' & ''\\b'''),
    (' [ ] ', '[]', '$.**{2 to last}', NULL, NULL),
    (E'"\\ud83d\\ude00 \\t"', '"\ud83d\ude00 \\ \t \""', '$.x like_regex "^a\\d" flag "i"', NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL);

CREATE TABLE arrays (
    id serial, i integer[], i2 integer[][], t text[], b bytea[], n numeric[], ts timestamptz[], j jsonb[], bx box[],
    iv int2vector, ov oidvector, bl boolean[], rg int4range[]
);
INSERT INTO arrays (i, i2, t, b, n, ts, j, bx, iv, ov, bl, rg) VALUES
    ('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '', '{}', '{}'),
    ('{NULL}', '{{1,2},{3,NULL}}', '{NULL,"NULL","null","",a b,"a,b","{","}","\"","\\","\\N","\\."}', '{"\\x00","\\x5c",""}',
     '{NaN,Infinity,0.10}', '{infinity,"2024-01-01 00:00:00+00"}', '{"{\"a\": \"\\\\\"}",NULL,"null"}',
     '{(2,2),(1,1);(4,4),(3,3)}', '1 2 -3', '1 4294967295', '{t,f,NULL}', '{"[1,2)",empty,"(,)"}'),
    ('[-2:0]={1,2,3}', '[0:1][3:4]={{1,2},{3,4}}', E'{"line\nbreak","tab\there",Điều,"{{ 1/0 }}"}', NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL),
    (NULL, '{{{{{{1}}}}}}', ARRAY[ARRAY['a', NULL], ARRAY['', ' ']], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE ranges (
    id serial, i4 int4range, i8 int8range, n numrange, d daterange, ts tsrange, tz tstzrange,
    mi int4multirange, mn nummultirange, mt tstzmultirange
);
INSERT INTO ranges (i4, i8, n, d, ts, tz, mi, mn, mt) VALUES
    ('empty', '(,)', '[1.10,2.2)', '[2024-01-01,infinity]', '(,"2024-01-01 00:00")', '["2024-03-31 00:30+00","2024-03-31 01:30+00"]',
     '{}', '{(,1),(1,2]}', '{["2024-03-31 00:30+00",)}'),
    ('[1,5]', '[-9223372036854775808,0]', '(NaN,NaN)', '(-infinity,2024-01-01)', 'empty', '[,infinity]', '{[1,2],[4,5],[3,3]}', NULL, NULL);

-- Names, not numbers, are what a dump holds of these.
CREATE TABLE catalogue (
    id serial, c regclass, t regtype, p regprocedure, o regoperator, n regnamespace, r regrole, cfg regconfig,
    dict regdictionary, col regcollation, a aclitem[]
);
INSERT INTO catalogue (c, t, p, o, n, r, cfg, dict, col, a) VALUES
    ('"values".texts', 'types.mood', 'types.int42_in(cstring)', '+(integer,integer)', '"values"', 'zoo_owner', 'english',
     'simple', '"C"', '{zoo_owner=arwdDxt/zoo_owner,=r/zoo_owner}'),
    ('pg_class', 'types.pair[]', 'now()', '-(none,integer)', 'pg_catalog', '-', 'simple', 'english_stem', '"POSIX"', '{}'),
    ('-', '-', '-', '0', '-', NULL, NULL, NULL, NULL, NULL);

-- A page with room in it: a copy has its rows in another order.
CREATE TABLE shuffled (id integer PRIMARY KEY, t text, n integer) WITH (fillfactor = 10);
INSERT INTO shuffled SELECT n, repeat('x', n % 50), n % 7 FROM generate_series(1, 2000) AS n;
UPDATE shuffled SET t = t || 'y' WHERE id % 3 = 0;
DELETE FROM shuffled WHERE id % 5 = 0;
UPDATE shuffled SET n = NULL WHERE id % 11 = 0;
VACUUM shuffled;
INSERT INTO shuffled SELECT n, 'late', NULL FROM generate_series(3000, 3200) AS n;

-- The same row many times.
CREATE TABLE duplicates (a integer, b text);
INSERT INTO duplicates SELECT n % 3, NULLIF('', CASE n % 2 WHEN 0 THEN '' ELSE 'x' END) FROM generate_series(1, 300) AS n;
DELETE FROM duplicates WHERE ctid IN (SELECT ctid FROM duplicates LIMIT 100);
