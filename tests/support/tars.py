"""Archives of others, unpacked."""

from __future__ import annotations

import tarfile


def guarded(tar: tarfile.TarFile) -> tarfile.TarFile:
    """Have `tar` refuse members that would leave its directory, where this Python can (3.11.4).

    Source: the Python documentation, tarfile, "Supporting older Python versions".
    """
    if hasattr(tarfile, "data_filter"):
        tar.extraction_filter = tarfile.data_filter
    return tar
