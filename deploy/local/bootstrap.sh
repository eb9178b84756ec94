#!/bin/sh
# Makes this checkout ready:   deploy/local/bootstrap.sh run|test
# Lists what the system lacks, and installs it on Debian and Ubuntu where that needs no password (not with INSTALL=no).
# Then .venv is brought in step with the lock. Quick when there is nothing to do.
# .venv is complete or absent, even if this is killed: it is built as .venv.part and renamed when it is complete.
set -eu
cd "$(dirname "$0")/../.."
what=$1

has() { command -v "$1" >/dev/null 2>&1; }

choose_python() { # the first that will do; PYTHON leaves no choice
    for python in ${PYTHON:-python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11}; do
        "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return 0
    done
    return 1
}

lacks() { # what is missing, and the Debian packages that bring it (a|b: b where there is no a)
    missing="$missing${missing:+; }$1"
    packages="$packages $2"
}

look() { # sets missing and packages
    missing="" packages=""
    if ! choose_python; then
        debian=python3
        [ "$(sed -n 's/^VERSION_ID="\(22.04\)"/\1/p' /etc/os-release 2>/dev/null)" = "" ] || debian=python3.11
        lacks "Python 3.11 or newer with venv${PYTHON:+ ('$PYTHON' is not, and PYTHON chose it)}" "$debian $debian-venv"
    fi
    java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
    has "$java" || java=java
    java_major=$("$java" -version 2>&1 | sed -n 's/.* version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
    [ "${java_major:-0}" -ge 17 ] || lacks "Java 17 or newer, for Apache Kafka" default-jdk-headless
    has mvn || { [ "$what" = run ] && [ -d "$(jars)" ]; } || lacks "Maven (mvn), which fetches Apache Kafka" maven
    [ "$what" != run ] || return 0
    has postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || lacks "PostgreSQL's server" postgresql
    has chromium || lacks "Chromium" "chromium|chromium-browser fonts-dejavu-core"
    has pdftotext || lacks "pdftotext, which reads the printed page" poppler-utils
    { has prometheus && has promtool; } || lacks "Prometheus and promtool" prometheus
    has cc || lacks "a C compiler (cc), for clocks that go wrong" "gcc libc6-dev"
}

jars() { # where deploy/local/jars.py keeps Apache Kafka
    echo ".cache/kafka/$(sha256sum deploy/local/kafka/pom.xml | cut -c1-12)"
}

install() { # the packages; else ends with the line that installs them
    names=$(echo "$packages" | sed 's/|[^ ]*//g')
    apt="apt-get install --no-install-recommends$names"
    if ! has apt-get; then
        echo "To install it on Debian and Ubuntu: $apt" >&2
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        as_root="" line="apt-get update && $apt"
    else
        as_root="sudo -n" line="sudo apt-get update && sudo $apt"
    fi
    if [ "${INSTALL:-}" = no ]; then
        echo "To install it: $line" >&2
        exit 1
    fi
    if [ -n "$as_root" ] && ! sudo -n true 2>/dev/null; then
        echo "That needs root's rights. To install it: $line" >&2
        exit 1
    fi
    echo "Installing Debian packages, which takes some minutes:$names"
    # shellcheck disable=SC2086 # both are words
    if ! $as_root sh deploy/local/install.sh $packages; then
        echo "The installation failed; the reason is above. To install it: $line" >&2
        exit 1
    fi
}

look
if [ -n "$missing" ]; then
    echo "Missing: $missing." >&2
    install
    look
    if [ -n "$missing" ]; then
        echo "Still missing after the installation: $missing." >&2
        exit 1
    fi
fi

[ ! -x .venv/bin/pytest ] || what=test # a checkout that has the tests' packages keeps them
lock=requirements/$what.txt
in_step() { # a digest of what an environment is made from
    {
        pwd
        readlink -f "$1/bin/python"
        sed '/^\[dependency-groups\]/,$d' pyproject.toml # as far as an installation depends on it
        cat sdk/pyproject.toml deploy/local/bootstrap.sh requirements/build.txt "$lock"
    } | sha256sum
}
is_in_step() { [ -x .venv/bin/python ] && [ "$(cat .venv/in-step 2>/dev/null)" = "$(in_step .venv)" ]; }
if is_in_step; then exit 0; fi

if ! { mkdir -p .cache && [ -w . ] && [ -w .cache ]; } 2>/dev/null; then
    echo "This checkout can't be written by $(id -un), and .venv and .cache are made in it: make $PWD writable, or clone it elsewhere." >&2
    exit 1
fi
exec 9>.cache/bootstrap.lock
flock 9 # of two that start at once, one works and the other waits; children of a killed one keep the lock until they end
if is_in_step; then exit 0; fi

caches=${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}
if ! { mkdir -p "$caches/uv" && [ -w "$caches/uv" ]; } 2>/dev/null; then # a home that can't be written is not needed
    export UV_CACHE_DIR="$PWD/.cache/uv" PIP_NO_CACHE_DIR=1
fi
echo "Installing the Python packages of $lock into .venv ..."
part=.venv.part
rm -rf $part .venv.old
"$python" -m venv $part
$part/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r requirements/build.txt
# Both distributions of this checkout, as wheels that point to it (PEP 660). They are built before the lock is installed,
# which takes away what only building needs.
build='import os, sys; from hatchling.build import build_editable; os.chdir(sys.argv[1]); build_editable(sys.argv[2])'
for each in sdk .; do $part/bin/python -c "$build" $each "$PWD/$part/wheels" >/dev/null; done
UV_PYTHON_DOWNLOADS=never $part/bin/uv --quiet pip sync --compile-bytecode --python $part/bin/python --require-hashes "$lock"
UV_PYTHON_DOWNLOADS=never $part/bin/uv --quiet pip install --python $part/bin/python --no-deps --no-index $part/wheels/*.whl
rm -r $part/wheels
grep -lI '\.venv\.part' $part/bin/* $part/pyvenv.cfg | while read -r script; do sed -i 's/\.venv\.part/.venv/g' "$script"; done
in_step $part >$part/in-step
[ ! -e .venv ] || mv .venv .venv.old
mv $part .venv
rm -rf .venv.old
