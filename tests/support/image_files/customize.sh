#!/bin/sh
# Runs in the new root file system ($1), as a hook of mmdebstrap: user, directories and locale as in the official image.
set -eu
root=$1
chroot "$root" groupadd --system --gid 999 postgres
chroot "$root" useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres
chroot "$root" install -d -o postgres -g postgres -m 1777 /var/lib/postgresql /var/lib/postgresql/data
chroot "$root" install -d -o postgres -g postgres -m 3777 /run/postgresql
chroot "$root" install -d /docker-entrypoint-initdb.d
chroot "$root" localedef -i en_US -f UTF-8 en_US.UTF-8
sed -i "s/^#listen_addresses = .*/listen_addresses = '*'/" "$root/usr/lib/postgresql/16/share/postgresql.conf.sample"
# This build's clients look in /tmp when no host is given, Debian's in /var/run/postgresql.
ln -s /run/postgresql/.s.PGSQL.5432 "$root/tmp/.s.PGSQL.5432"
# Debian's libpq is where the linker looks: what replicates from another server loads it.
echo /usr/lib/postgresql/16/lib >"$root/etc/ld.so.conf.d/postgresql.conf"
chroot "$root" ldconfig
rm -rf "$root/usr/lib/postgresql/16/include" "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*
