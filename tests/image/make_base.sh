#!/bin/sh
# make_base.sh RELEASE FOLDER: writes the root of that Debian release with its Python to stdout, as a tar archive.
# Run it by `unshare --mount`: what it mounts is then seen by nobody else, and is gone when it ends.
set -eu
release=$1
root=$2

mount -t tmpfs tmpfs "$root"
debootstrap --variant=minbase --include=ca-certificates,python3-venv "$release" "$root" >&2

# As in the official Python image: no package lists, and a standard library without bytecode.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
find "$root"/usr/lib/python3* -name '*.pyc' -delete

# What this machine trusts, the build must trust as well.
cp /etc/ssl/certs/ca-certificates.crt "$root"/etc/ssl/certs/

tar -C "$root" -c .
