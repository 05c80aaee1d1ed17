-- Not in the zoo: valid databases whose plain dump psql or the server refuses, through no fault of who restores it.

CREATE SCHEMA unrestorable;
SET search_path = unrestorable;

-- psql looks for the end of a BEGIN ATOMIC body by counting words, and pg_dump leaves this name unquoted: everything
-- after it is one statement to psql, up to the first data, whose end mark it then takes for a command.
CREATE FUNCTION "begin"() RETURNS integer LANGUAGE sql AS 'SELECT 1';

-- CYCLE … TO 'y' is shown with a cast, which the grammar does not allow there.
CREATE VIEW cycle_marks AS
    WITH RECURSIVE r (id) AS (SELECT 1 UNION SELECT id + 1 FROM r WHERE id < 3) CYCLE id SET is_cycle TO 'y' DEFAULT 'n' USING path
    SELECT id, is_cycle FROM r;
