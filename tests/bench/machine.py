"""What was measured on, and with which versions. No name and no path of the machine."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import yaml

from tests.support import community, image, postgres, session
from tests.support.places import ROOT


def machine() -> dict[str, str]:
    """CPU, cores, memory, kernel, distribution, file system of dumps and databases, load when asked."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    release = re.search(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text(), re.MULTILINE)
    return {
        "CPU": cpu.group(1) if cpu else platform.machine(),
        "Cores": str(len(os.sched_getaffinity(0))),
        "Memory": f"{int(memory.group(1)) / 1e6:.1f} GB" if memory else "unknown",
        "Kernel": platform.release(),
        "Distribution": release.group(1) if release else "unknown",
        "File system": _filesystem(session.TMP),
        "Load before (1 min)": f"{os.getloadavg()[0]:.2f}",
    }


def versions() -> dict[str, str]:
    """Of everything that takes part."""
    return {
        "PostgreSQL": postgres.VERSIONS[image.MAJOR].removesuffix(".0"),
        "ansible-core": version("ansible-core"),
        "Python": platform.python_version(),
        "psycopg2": version("psycopg2-binary"),
        "community.postgresql": community.version("community/postgresql"),
        "incomex.closeout": str(yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]),
    }


def _filesystem(path: Path) -> str:
    """The type of the file system that holds a path."""
    done = subprocess.run(
        ["stat", "--file-system", "--format", "%T", str(path)], check=True, capture_output=True, text=True, timeout=10
    )
    return done.stdout.strip()
