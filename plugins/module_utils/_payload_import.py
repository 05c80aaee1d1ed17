# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: what a module imports from its payload is compiled once, and not twice.

The payload is a zip archive of sources. Before Python loads a module of one, it asks for the name of the module's file,
and zipimport compiles the whole module to know that name; then the module is compiled once more. In a payload the
name is known without, which saves a closeout a second. Source: Lib/zipimport.py, Python 3.8 to 3.13.
"""

from __future__ import annotations

import os
import sys
from zipimport import zipimporter


class _PayloadImporter(zipimporter):
    """Python's own, which knows the name of a module's file without compiling it."""

    def get_filename(self, fullname: str) -> str:
        """Return the path of the module's source. Raises ZipImportError where there is no such module."""
        file = fullname.rpartition(".")[2] + (f"{os.sep}__init__.py" if self.is_package(fullname) else ".py")
        return os.path.join(self.archive, self.prefix + file)


def compile_once() -> None:
    """Import from now on in this way what comes from the archive that holds this file; without one do nothing."""
    loader: object = __spec__.loader
    if not isinstance(loader, zipimporter):
        return
    archive = loader.archive

    def importer(path: str) -> _PayloadImporter:
        """Return the importer of a folder of the archive. Raises ImportError for any other: another hook has it."""
        if path != archive and not path.startswith(archive + os.sep):
            raise ImportError
        return _PayloadImporter(path)

    sys.path_hooks.insert(0, importer)
    # Packages that were imported before ask the importer that they had.
    for path in [path for path, known in sys.path_importer_cache.items() if isinstance(known, zipimporter)]:
        del sys.path_importer_cache[path]
