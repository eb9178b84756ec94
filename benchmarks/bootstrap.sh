#!/bin/sh
# Brings the environment of the benchmarks, .cache/bench, in step with its lock. Quick when there is nothing to do.
# Beside what the project runs on it has what only competitors need. Asks for .venv (deploy/local/bootstrap.sh run).
set -eu
cd "$(dirname "$0")/.."
lock=requirements/bench.txt
place=.cache/bench
mkdir -p .cache
exec 9>.cache/bench.lock
flock 9 # two that start at once: one works, the other waits
in_step=$({ pwd; cat benchmarks/bootstrap.sh "$lock"; } | sha256sum)
if [ -x $place/bin/python ] && [ "$(cat $place/in-step 2>/dev/null)" = "$in_step" ]; then exit 0; fi

echo "Installing the Python packages of $lock into $place ..."
[ -x $place/bin/python ] || .venv/bin/python -m venv --without-pip --clear $place
UV_PYTHON_DOWNLOADS=never .venv/bin/uv --quiet pip sync --python $place/bin/python --require-hashes "$lock"
echo "$PWD" >"$($place/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/pantau-checkout.pth"
echo "$in_step" >$place/in-step
