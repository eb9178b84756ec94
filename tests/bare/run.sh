#!/bin/bash
# Tries "two commands" on a bare machine: a new root with git and make alone, from nothing to the figure, with times.
#
#     tests/bare/run.sh [SUITE [CASE...]]      as root; SUITE: bookworm (the default), trixie, noble, jammy, ...
#
# CASE: root, sudo (a user whose sudo asks no password), user (one without sudo: an administrator runs the line that is
# shown); all three by default. What is tried is the last commit. Needs debootstrap (for Ubuntu also its keyring) and
# unshare; a root has its own processes and files, and the ports of this machine: see `ports` below.
# DEBOOTSTRAP: more options for it, --no-check-gpg for one. TEST=no leaves `make test` out; else ARGS goes to it (the default: tests that start every real part once).
#
# What this machine needs in order to reach package registries is passed along: apt's settings, certificates, variables
# of pip, uv, TLS and proxies. BARE (a new folder below /tmp) is where the roots are made; it is deleted at the end.
set -euo pipefail

suite=${1:-bookworm}
cases=("${@:2}")
[ ${#cases[@]} -gt 0 ] || cases=(root sudo user)
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
plan=$(sed -n 's/^PLAN[^"]*"\([^"]*\)".*/\1/p' "$checkout/samples/plan.py")
figure=36.38
work=${BARE:-$(mktemp -d)}
patience=3600 # seconds until the figure is given up
base=$((20000 + RANDOM % 10000))
ports=(PANTAU_PORT=$base PANTAU_WORKER_METRICS_PORT=$((base + 1)) PANTAU_KAFKA_PORT=$((base + 2)) PANTAU_KAFKA_CONTROLLER_PORT=$((base + 3)))
mapfile -t passed < <(env | grep -iE '^(PIP_|UV_|SSL_CERT_|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|(http|https|no|all)_proxy)' || true)
started=() # processes of ours that may still run

cleanup() {
    for process in "${started[@]}"; do kill -KILL "$process" 2>/dev/null || true; done
    wait
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

say() { printf '%-9s %-5s %s\n' "$suite" "$case" "$*"; }
fail() {
    say "FAILED: $*"
    [ ! -s "$work/log" ] || tail -n 30 "$work/log"
    exit 1
}

make_base() { # the root that every case begins with
    case=base
    began=$SECONDS
    components=main
    case $suite in jammy | noble | *buntu*) components=main,universe ;; esac # what a new Ubuntu has switched on
    # shellcheck disable=SC2086 # options are words
    debootstrap ${DEBOOTSTRAP:-} --variant=minbase --components=$components --include=git,make,ca-certificates "$suite" "$work/base" >"$work/log" 2>&1 || fail debootstrap
    for each in /etc/apt/apt.conf.d/* /etc/resolv.conf /etc/hosts /etc/pip.conf; do
        [ ! -f "$each" ] || cp -L "$each" "$work/base$each"
    done
    # Each certificate that this machine trusts in a file of its own, as update-ca-certificates wants them.
    awk -v to="$work/base/usr/local/share/ca-certificates/passed-" '/BEGIN/ {n++} {print > (to n ".crt")}' /etc/ssl/certs/ca-certificates.crt
    chroot "$work/base" update-ca-certificates >"$work/log" 2>&1
    chroot "$work/base" useradd --create-home --shell /bin/bash someone
    git -C "$checkout" bundle create -q "$work/base/pantau.bundle" HEAD
    say "made in $((SECONDS - began)) s"
}

enter() { # enter USER COMMAND...: become it, in the root of this case, with processes of its own that end with it
    local user=$1 home=/root
    shift
    [ "$user" = root ] || home=/home/$user
    # shellcheck disable=SC2016 # expanded inside
    exec unshare --mount --pid --fork --kill-child bash -c '
        set -e; root=$1 user=$2 home=$3; shift 3
        mount --rbind /dev "$root/dev"; mount -t proc proc "$root/proc"
        chroot --userspec="$user" "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            HOME="$home" USER="$user" LANG=C.UTF-8 "$@" || exit
        exit 0 # not exec: a process that changes the user gets no signal any more when unshare is killed' - "$root" "$user" "$home" "${passed[@]}" "${ports[@]}" "$@"
}
in_checkout() { # in_checkout USER COMMAND...: as `enter`, in the checkout
    enter "$1" sh -c 'cd ~/pantau && exec "$@"' - "${@:2}"
}

shown() { # whether the site shows the figure at the end of 2020
    local answer
    exec 3<>"/dev/tcp/127.0.0.1/$base" || return 1
    printf 'GET /v1/plans/%s/realization?as_of=2020-12-31 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' "$plan" >&3
    answer=$(timeout 10 cat <&3 | tr -d '\0') || true
    exec 3>&-
    [[ $answer == *"\"overall\""*"\"percent\":\"$figure\""* ]]
} 2>/dev/null

until_shown() { # until_shown USER WHAT: make run, until the figure is there; then end it
    local began=$SECONDS
    in_checkout "$1" env PACE=0 make run >"$work/log" 2>&1 &
    local running=$!
    started+=("$running")
    until (shown); do
        kill -0 "$running" 2>/dev/null || fail "make run ended"
        [ $((SECONDS - began)) -lt $patience ] || fail "no figure after $patience s"
        sleep 0.2
    done
    say "$2: make run shows $figure % after $((SECONDS - began)) s"
    no_daemons
    kill -KILL "$running" # unshare listens to nothing less; all of its processes go with it
    wait "$running" 2>/dev/null || true
    started=()
    local left=100
    while (shown); do
        left=$((left - 1))
        [ $left -gt 0 ] || fail "it still answers"
        sleep 0.1
    done
}

no_daemons() { # nothing that packages brought was started
    local process
    for process in /proc/[0-9]*; do
        if [ "$(readlink "$process/root" 2>/dev/null)" = "$root" ]; then
            case $(cat "$process/comm" 2>/dev/null) in postgres | prometheus* | dbus*) fail "$(cat "$process/comm") was started" ;; esac
        fi
    done
    [ ! -e "$root/usr/sbin/policy-rc.d" ] || fail "policy-rc.d was left"
}

refused() { # refused USER [VARIABLE=VALUE]: make run names what is missing, with one line that installs it, and installs nothing
    if (in_checkout "$1" env "${@:2}" make run) >"$work/log" 2>&1; then fail "make run went on"; fi
    grep -q '^Missing: .*Java 17' "$work/log" || fail "what is missing is not named"
    line=$(sed -n 's/.*To install it: //p' "$work/log")
    [ -n "$line" ] || fail "the line that installs it is not shown"
    [ ! -e "$root/usr/bin/java" ] || fail "something was installed"
}

tests() { # tests USER
    [ "${TEST:-}" != no ] || return 0
    local began=$SECONDS
    (in_checkout "$1" make test ARGS="${ARGS:-tests/integration/test_real_parts.py tests/unit/test_sample.py -q}") >"$work/log" 2>&1 || fail "make test"
    no_daemons
    say "make test, with its packages: $((SECONDS - began)) s; $(tail -n 1 "$work/log")"
}

try() {
    case=$1
    root=$work/$case
    cp -a "$work/base" "$root"
    user=someone
    [ "$case" != root ] || user=root
    if [ "$case" = sudo ]; then
        chroot "$root" sh -c 'apt-get -qq update && apt-get -qq install --yes --no-install-recommends sudo' >"$work/log" 2>&1
        echo 'someone ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/someone"
    fi
    (enter $user git -c advice.detachedHead=false clone -q /pantau.bundle "$([ $user = root ] && echo /root || echo /home/someone)/pantau")
    if [ "$case" = user ]; then
        refused $user
        say "shown: $line"
        began=$SECONDS
        (enter root env DEBIAN_FRONTEND=noninteractive sh -c "${line//sudo /}") >"$work/log" 2>&1 <<<Y || fail "the line does not install it"
        say "an administrator ran that in $((SECONDS - began)) s"
    else
        refused $user INSTALL=no
    fi
    until_shown $user "from nothing"
    until_shown $user "again"
    [ "$case" = user ] || tests $user
    rm -rf --one-file-system "$root"
}

echo "$(nproc) processors; $(git -C "$checkout" log -1 --format='commit %h')"
make_base
for each in "${cases[@]}"; do try "$each"; done
