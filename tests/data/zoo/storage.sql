-- Tablespaces and access methods.

CREATE SCHEMA storage;
SET search_path = storage;

CREATE TABLE in_space (id integer PRIMARY KEY USING INDEX TABLESPACE zoo_space, t text) TABLESPACE zoo_space;
INSERT INTO in_space SELECT n, 't' || n FROM generate_series(1, 10) AS n;
CREATE INDEX in_space_t ON in_space (t) TABLESPACE zoo_space;
CREATE INDEX in_default_t ON in_space (t);
CREATE TABLE parted (a integer) PARTITION BY LIST (a) TABLESPACE zoo_space;
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2) TABLESPACE pg_default;
CREATE MATERIALIZED VIEW seen TABLESPACE zoo_space AS SELECT count(*) FROM in_space;

CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON ACCESS METHOD heap2 IS 'another name of heap';
CREATE TABLE in_heap2 (id integer, t text) USING heap2;
INSERT INTO in_heap2 VALUES (1, 'a'), (2, NULL);
CREATE MATERIALIZED VIEW seen_heap2 USING heap2 AS SELECT id FROM in_heap2;
CREATE TABLE in_both (id integer) USING heap2 TABLESPACE zoo_space;
INSERT INTO in_both VALUES (7);

CREATE ACCESS METHOD gist2 TYPE INDEX HANDLER gisthandler;
CREATE OPERATOR CLASS box2_ops DEFAULT FOR TYPE box USING gist2 AS
    OPERATOR 1 <<, OPERATOR 2 &<, OPERATOR 3 &&, OPERATOR 4 &>, OPERATOR 5 >>, OPERATOR 6 ~=, OPERATOR 7 @>, OPERATOR 8 <@,
    OPERATOR 9 &<|, OPERATOR 10 <<|, OPERATOR 11 |>>, OPERATOR 12 |&>,
    FUNCTION 1 gist_box_consistent(internal, box, smallint, oid, internal), FUNCTION 2 gist_box_union(internal, internal),
    FUNCTION 5 gist_box_penalty(internal, internal, internal), FUNCTION 6 gist_box_picksplit(internal, internal),
    FUNCTION 7 gist_box_same(box, box, internal);
CREATE TABLE boxes (b box);
INSERT INTO boxes SELECT box(point(n, n), point(n + 1, n + 1)) FROM generate_series(1, 10) AS n;
CREATE INDEX boxes_gist2 ON boxes USING gist2 (b);
