"""The formats of a dump: how pg_dump is asked for each, by its version, and what cannot be."""

from __future__ import annotations

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._formats import Format


@pytest.mark.parametrize(
    ("wanted", "major", "arguments"),
    [
        (Format(), 14, "--format plain"),
        (Format("plain", "zstd", 3), 14, "--format plain"),
        (Format("custom"), 14, "--format custom --compress 0"),
        (Format("custom"), 18, "--format custom --compress 0"),
        (Format("custom", "gzip"), 15, "--format custom --compress 6"),
        (Format("custom", "gzip", 9), 15, "--format custom --compress 9"),
        (Format("custom", "gzip"), 16, "--format custom --compress gzip"),
        (Format("custom", "gzip", 9), 16, "--format custom --compress gzip:9"),
        (Format("custom", "zstd", 19), 18, "--format custom --compress zstd:19"),
        (Format("directory", "lz4"), 16, "--format directory --compress lz4 --jobs 1"),
        (Format("directory", "none", 0, 8), 14, "--format directory --compress 0 --jobs 8"),
    ],
)
def test_pg_dump_is_asked_in_the_words_of_its_version(wanted: Format, major: int, arguments: str) -> None:
    assert wanted.arguments(major) == arguments.split()


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
@pytest.mark.parametrize("name", ["custom", "directory"])
def test_what_a_version_lacks_is_an_error(name: str, compression: str) -> None:
    with pytest.raises(CloseoutError) as refused:
        Format(name, compression).arguments(15)
    assert (refused.value.wanted, refused.value.found) == ("pg_dump of version 16 or later", "version 15")
    assert "closeout_compression: gzip" in refused.value.do


@pytest.mark.parametrize(
    ("parts", "variable"),
    [
        (("plain", "gzip", 10), "closeout_compression_level"),
        (("custom", "none", 1), "closeout_compression_level"),
        (("custom", "none", 0, 2), "closeout_dump_jobs"),
        (("plain", "none", 0, 2), "closeout_dump_jobs"),
    ],
)
def test_what_cannot_be_together_is_an_error(parts: tuple[str, str, int], variable: str) -> None:
    with pytest.raises(CloseoutError, match=variable):
        Format(*parts)


@pytest.mark.parametrize(
    ("wanted", "given", "name"),
    [
        (Format(), "a.sql", "a.sql"),
        (Format(), "a", "a"),
        (Format("plain", "gzip"), "a.sql", "a.sql.gz"),
        (Format("plain", "gzip"), "a.sql.gz", "a.sql.gz"),
        (Format("custom", "gzip"), "a.sql", "a.dump"),
        (Format("custom"), "a", "a.dump"),
        (Format("custom"), "a.dump", "a.dump"),
        (Format("directory"), "a.sql", "a.dir"),
        (Format("directory"), "a.pgd", "a.pgd.dir"),
    ],
)
def test_a_name_ends_as_its_format_does(wanted: Format, given: str, name: str) -> None:
    assert wanted.file_name(given) == name
