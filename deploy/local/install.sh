#!/bin/sh
# Installs Debian packages, as root:   deploy/local/install.sh PACKAGE...      (a|b: b where there is no a)
# Nothing is removed for them, and their daemons are not started: what needs one starts its own.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -qq -o DPkg::Lock::Timeout=300 "$@"; }

policy=/usr/sbin/policy-rc.d # package scripts check it before they start a daemon
mark="# by Pantau's deploy/local/install.sh, for as long as it runs"
if [ ! -e $policy ] || grep -qF "$mark" $policy; then # also one that a killed installation left
    trap 'rm -f $policy' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >$policy
    chmod 755 $policy
fi

# After a killed installation apt refuses everything until that one is finished.
if [ -n "$(ls /var/lib/dpkg/updates 2>/dev/null)" ]; then dpkg --configure -a >/dev/null; fi

left=60 # times 5 s: apt does not wait for another apt that reads the lists
until problem=$(apt update 2>&1); do
    case $problem in *lock*) left=$((left - 1)) ;; *) left=0 ;; esac
    if [ $left -le 0 ]; then # an unreachable third-party source may not matter
        echo "$problem" >&2
        break
    fi
    sleep 5
done

names=""
for each; do
    while [ "${each#*|}" != "$each" ] && ! apt-cache policy "${each%%|*}" | grep -q 'Candidate: [0-9]'; do each=${each#*|}; done
    names="$names ${each%%|*}"
done
# shellcheck disable=SC2086 # the list is words
apt install --yes --no-install-recommends --no-remove $names >/dev/null
