#!/bin/sh
# What the tests use of the entrypoint of supabase/postgres: the superuser supabase_admin with POSTGRES_PASSWORD, the
# roles of a project, and then the command.
set -eu
data=/var/lib/postgresql/data

if [ ! -e "$data/PG_VERSION" ]; then
  initdb --pgdata "$data" --username supabase_admin --auth trust --encoding UTF8 --locale C \
    --locale-provider icu --icu-locale en-US --no-instructions
  { cat /etc/postgresql/roles.sql; printf "\n\nalter role supabase_admin password '%s';\n\n" "$POSTGRES_PASSWORD"; } |
    postgres --single -j -D "$data" postgres
fi
exec "$@"
