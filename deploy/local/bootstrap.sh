#!/bin/sh
# Makes this checkout ready:   deploy/local/bootstrap.sh run|test
# Says what the system lacks, then brings .venv in step with the lock. Quick when there is nothing to do.
# With "missing" it only names the Debian packages that the system lacks for tests.
set -eu
cd "$(dirname "$0")/../.."
what=$1
python=${PYTHON:-python3}
packages=""

lacks() { # what is missing, and the Debian packages that bring it
    [ "$what" = missing ] || echo "Missing: $1" >&2
    packages="$packages $2"
}
has() { command -v "$1" >/dev/null 2>&1; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    lacks "Python 3.11 or newer ('$python' is not; PYTHON chooses another)" python3
"$python" -c 'import ensurepip, venv' 2>/dev/null || lacks "Python's venv module" python3-venv
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
has "$java" || java=java
java_major=$("$java" -version 2>&1 | sed -n 's/.* version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
[ "${java_major:-0}" -ge 17 ] || lacks "Java 17 or newer, for Apache Kafka" default-jdk-headless
has mvn || lacks "Maven (mvn), which fetches Apache Kafka" maven
if [ "$what" != run ]; then
    has postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || lacks "PostgreSQL's server" postgresql
    has chromium || lacks "Chromium" "chromium fonts-dejavu-core"
    has pdftotext || lacks "pdftotext, which reads the printed page" poppler-utils
    { has prometheus && has promtool; } || lacks "Prometheus and promtool" prometheus
    has cc || lacks "a C compiler (cc), for clocks that go wrong" "gcc libc6-dev"
fi
if [ "$what" = missing ]; then
    echo "$packages"
    exit 0
fi
if [ -n "$packages" ]; then
    echo "On Debian: apt-get update && apt-get install --no-install-recommends$packages" >&2
    exit 1
fi

mkdir -p .cache
exec 9>.cache/bootstrap.lock
flock 9 # two that start at once: one works, the other waits
[ ! -x .venv/bin/pytest ] || what=test # a checkout that has the tests' packages keeps them
lock=requirements/$what.txt
in_step=$({ pwd; cat deploy/local/bootstrap.sh requirements/uv.txt "$lock"; } | sha256sum)
if [ -x .venv/bin/python ] && [ "$(cat .venv/in-step 2>/dev/null)" = "$in_step" ]; then exit 0; fi

echo "Installing the Python packages of $lock into .venv ..."
[ -x .venv/bin/python ] || "$python" -m venv --clear .venv
.venv/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r requirements/uv.txt
UV_PYTHON_DOWNLOADS=never .venv/bin/uv --quiet pip sync --compile-bytecode --python .venv/bin/python --require-hashes "$lock"

# The checkout itself: its packages importable, and the command `pantau`. Two small files instead of an editable
# install, which would need a build backend at run time.
printf '%s\n%s\n' "$PWD" "$PWD/sdk" >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pantau-checkout.pth"
cat >.venv/bin/pantau <<'END'
#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -P -c 'import sys; from pantau.cli import main; sys.exit(main())' "$@"
END
chmod +x .venv/bin/pantau
echo "$in_step" >.venv/in-step
