"""What stops a benchmark."""

from __future__ import annotations


class BenchError(Exception):
    """Something that was to be measured did not do its work: its time would say nothing."""
