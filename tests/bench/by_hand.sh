#!/bin/sh
# The closeout as it was done by hand: what the benchmarks compare with.
# by_hand.sh dump|all CONTAINER USER DB IMAGE DIRECTORY
# Writes to DIRECTORY, which must be empty; DIRECTORY/stages says when each stage began.
set -eu
what=$1 container=$2 user=$3 db=$4 image=$5 directory=$6
dump=$directory/prod.sql
scratch=pg-restoretest-by-hand-$$

stage() { echo "$(date +%s.%N) $1" >>"$directory/stages"; }

stage dump
docker exec "$container" pg_dump -U "$user" -d "$db" >"$dump"
stage checksum
sha256sum "$dump" >"$directory/SHA256SUMS"
stage tables
grep '^CREATE TABLE cutter_governance\.' "$dump" >"$directory/dump_cg_tables.txt"
if [ "$what" = dump ]; then
    stage end
    exit 0
fi

stage 'scratch server'
trap 'docker rm -fv "$scratch" >/dev/null' EXIT
docker run -d --name "$scratch" --network none --label closeout-test=bench \
    -e POSTGRES_USER="$user" -e POSTGRES_HOST_AUTH_METHOD=trust -e POSTGRES_DB=restoretest "$image" >/dev/null
# Over TCP, because the image's temporary first server answers on the socket already.
tries=600
until docker exec "$scratch" pg_isready -q -h 127.0.0.1 -U "$user" -d restoretest; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ]
    sleep 0.1
done
stage restore
docker exec "$scratch" psql -X -q -U "$user" -d restoretest -c 'CREATE ROLE directus'
docker exec -i "$scratch" psql -X -q -v ON_ERROR_STOP=1 -U "$user" -d restoretest <"$dump" >/dev/null
stage 'list of tables'
docker exec "$scratch" psql -X -At -U "$user" -d restoretest \
    -c "SELECT tablename FROM pg_tables WHERE schemaname = 'cutter_governance' ORDER BY 1" \
    >"$directory/restoretest_cg_tables.txt"
stage teardown
docker rm -fv "$scratch" >/dev/null
trap - EXIT
stage 'checksum again'
(cd / && sha256sum --quiet --check "$directory/SHA256SUMS")
stage end
