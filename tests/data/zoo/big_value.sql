-- One value of 100 MB.

CREATE TABLE limits.big_value (id integer, v text);
INSERT INTO limits.big_value VALUES (1, repeat(E'0123456\t', 12500000)), (2, '');
