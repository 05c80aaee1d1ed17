#!/usr/bin/python
# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pg_scratch_server
short_description: Make and remove an isolated, throwaway PostgreSQL server
version_added: 1.0.0
description:
  - O(state=present) makes a new cluster that nothing can reach by network and that dies by itself after O(ttl_s), and
    returns its identity and its isolation as inspected.
  - O(state=absent) removes everything of the run and proves that nothing is left, by name and by label.
  - O(state=reaped) removes what runs that are gone left behind. Scratch servers that are past their time, with their
    volumes and directories. Where no module of the run is at work any more, its client programs, in containers too, and
    the files below O(root) that it had not finished.
  - Touches nothing that does not carry our own label, and but for O(state=reaped) the run's ID.
options:
  state:
    description: What should be.
    type: str
    choices: [present, absent, reaped]
    default: present
  driver:
    description:
      - V(docker) makes a container without network, capabilities and privileges, with a read-only root and limits.
      - V(local) makes a cluster of this host's programs in a private directory, on a Unix socket only, as an
        unprivileged user.
    type: str
    choices: [docker, local]
    default: docker
  name:
    description: Name of the container; with O(driver=local) only a name for the record.
    type: str
    default: ""
  image:
    description: Image of the container, by name or ID. It must be on the host.
    type: str
    default: ""
  globals:
    description:
      - Path of the C(globals.json) that M(incomex.closeout.pg_dump_readonly) wrote. The cluster gets production's name
        of the bootstrap superuser, and room for as many locks. Needed for O(state=present).
    type: path
    default: ""
  ttl_s:
    description: Seconds after which the server dies, whatever became of the run.
    type: int
    default: 7200
  storage:
    description: Where a container keeps its data, V(volume) (an anonymous one) or V(tmpfs).
    type: str
    choices: [volume, tmpfs]
    default: volume
  memory_mb:
    description: Memory limit of the container in MiB; V(tmpfs) storage counts against it.
    type: int
    default: 1024
  os_user:
    description:
      - Unprivileged user to run as. Empty means C(postgres), else C(nobody).
      - With O(driver=local) it must not run another PostgreSQL server on the host; empty means the first of
        C(postgres), C(nobody) and C(daemon) that does not. Started by an ordinary user it runs as that user.
    type: str
    default: ""
  dump:
    description:
      - Path of an archive, a file or a directory, that the server's C(pg_restore) is to read by its path. A container
        gets it as its only mount of the host, read-only. Empty for a dump that is fed to the server.
    type: path
    default: ""
    version_added: 1.0.0
  root:
    description:
      - Directory below which the artefacts are. With O(state=absent) and O(state=reaped) unfinished files in artefact
        directories there are removed; only in those that M(incomex.closeout.closeout_artefact) made on this host.
      - Empty means that no file is looked for.
    type: path
    default: ""
  docker_host:
    description: Address of the Docker daemon. Empty means C(unix:///var/run/docker.sock).
    type: str
    default: ""
  bin_dir:
    description: Directory of C(initdb) and C(postgres) for O(driver=local).
    type: path
    default: ""
extends_documentation_fragment:
  - incomex.closeout.run
requirements:
  - psycopg2 >= 2.8
  - docker >= 5.0 (with O(driver=docker))
seealso:
  - module: incomex.closeout.pg_scratch_restore
"""

EXAMPLES = r"""
- name: Make a scratch server
  incomex.closeout.pg_scratch_server:
    run_id: 4f0c7a91b2d3
    name: pg-restoretest-manual
    image: postgres:16
    globals: /opt/incomex/backups/manual/globals.json
    ttl_s: 600
  register: scratch

- name: Remove it and prove that nothing is left
  incomex.closeout.pg_scratch_server:
    state: absent
    run_id: 4f0c7a91b2d3
    name: pg-restoretest-manual

- name: Remove whatever of ours is past its time
  incomex.closeout.pg_scratch_server:
    state: reaped
"""

RETURN = r"""
scratch:
  description: The server with driver, name, container, image, start, expiry and isolation as inspected.
  returned: O(state=present)
  type: dict
  sample: {"driver": "docker", "name": "pg-restoretest-manual", "isolation": {"network_mode": "none"}}
identity:
  description: Its identity, as M(incomex.closeout.pg_sysid_guard) returns it.
  returned: O(state=present)
  type: dict
  sample: {"sysid": "7501234567890123457"}
connection:
  description: The connection options that lead a module to it.
  returned: O(state=present)
  type: dict
  sample: {"container": "8a1d…", "login_user": "workflow_admin", "login_port": 5432}
nonce:
  description: A random value planted in the server when it was made; empty where it was there before.
  returned: O(state=present)
  type: str
  sample: 0f6e0f3b6c1f4d0a9f6e0f3b6c1f4d0a
teardown:
  description: What is left, by name and by label; every list is empty.
  returned: O(state=absent)
  type: dict
  sample: {"containers": {"by_name": [], "by_label": []}, "volumes": [], "networks": [], "processes": [], "paths": []}
reaped:
  description:
    - What was left by runs that are gone. V(kind) is C(scratch server), C(program), C(partial file), C(archive that was
      lent), C(job) or C(lock), with its name and the ID of its run.
  returned: O(state=reaped)
  type: list
  elements: dict
  sample: [{"kind": "scratch server", "name": "pg-restoretest-manual", "run_id": "4f0c7a91b2d3"}]
spared:
  description:
    - What was left, and why. A scratch server whose time is not up, though no module of its run is at work now, for the
      run may go on. And programs of runs that are gone. Where PostgreSQL is the first process of a container, one in it
      that a signal ends, and that PostgreSQL is given as its child, makes it end all sessions. Such a one goes when its
      session is ended, or with the container.
  returned: O(state=reaped)
  type: list
  elements: dict
  sample: []
"""

from ansible_collections.incomex.closeout.plugins.module_utils._main_pg_scratch_server import main

if __name__ == "__main__":
    main()
