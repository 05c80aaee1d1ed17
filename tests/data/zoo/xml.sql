-- Only on a server that was built with libxml.

CREATE SCHEMA "xml";
SET search_path = "xml";
SET xmloption = content;

CREATE TABLE documents (id serial, x xml DEFAULT '<none/>');
INSERT INTO documents (x) VALUES
    ('<a b="1">Điều &amp; &lt; <![CDATA[ ]]> </a>'), ('no element at all'), (''), (NULL),
    ('<?xml version="1.0" standalone="yes"?><r/>'), (E'<a>\n\t\\.\n</a><b/>'), ('<!-- a comment --><a/>');
SET xmloption = document;
INSERT INTO documents (x) VALUES ('<!DOCTYPE a><a/>');
SET xmloption = content;
CREATE VIEW made AS
    SELECT xmlelement(NAME "a b", xmlattributes(id AS "n n", 'it''s' AS q), x) AS e, xmlforest(id, id + 1 AS "next one") AS f,
           xmlpi(NAME php, 'echo'), xmlconcat(x, '<b/>'), xmlroot(x, VERSION '1.1', STANDALONE YES) AS r,
           xmlserialize(CONTENT x AS text) AS s, x IS DOCUMENT AS is_document, xmlparse(DOCUMENT '<a/>') AS p,
           xmlexists('//a' PASSING BY REF x) AS has_a
    FROM documents;
CREATE VIEW read AS
    SELECT t.* FROM documents, XMLTABLE(XMLNAMESPACES('urn:x' AS n), '/r/n:row' PASSING x
        COLUMNS no FOR ORDINALITY, a integer PATH '@a' NOT NULL DEFAULT 1, "b b" text PATH 'b') AS t;
CREATE FUNCTION of_document(xml) RETURNS text LANGUAGE sql IMMUTABLE
    BEGIN ATOMIC SELECT xmlserialize(DOCUMENT $1 AS text); END;
