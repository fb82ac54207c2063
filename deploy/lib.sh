# Shared by the scripts of deploy/; sourced by bash, never run.
#
# All progress goes to stderr, one line for each step, so that stdout belongs to results. The output of a step is kept
# in build/logs/STEP.log and shown only if the step fails. Exit codes: 0 done, 1 a step failed, 2 bad command line,
# 130 interrupted.

set -euo pipefail
export LC_ALL=C.UTF-8

program="./deploy/$(basename "$0")"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
logs=$build/logs
install=yes

say() { printf '%s: %s\n' "${program##*/}" "$*" >&2; }
die() {
    say "$*"
    exit 1
}
usage_error() {
    say "$* (see $program --help)"
    exit 2
}

# need_value OPTION MEANING ARGUMENTS-LEFT
need_value() { [ "$3" -ge 2 ] || usage_error "$1 needs a value: $2"; }

is_number() { [[ $1 =~ ^[0-9]{1,9}$ ]]; }

# step NAME COMMAND...: runs it with its output in a log, whose end is shown if it fails.
step() {
    local name=$1 code=0
    shift
    mkdir -p "$logs"
    "$@" >"$logs/$name.log" 2>&1 </dev/null || code=$?
    [ "$code" -eq 0 ] && return 0
    tail -n 40 "$logs/$name.log" >&2
    die "$name failed with exit code $code; all of its output: $logs/$name.log"
}

# Names of packages.txt: those that every script needs, and with "test" those of deploy/test alone.
package_names() { awk -v purpose="${1:-}" '!/^#/ && NF && $2 == purpose { print $1 }' "$root/deploy/packages.txt"; }

# Those of the names on stdin that are not installed.
missing_of() {
    local installed name
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | awk '$1 == "installed" { print $2 }')
    while read -r name; do
        grep -qxF -- "$name" <<<"$installed" || printf '%s\n' "$name"
    done
}

# Why this user cannot install, or nothing.
obstacle_to_installing() {
    if [ "$install" = no ]; then
        echo "--no-install was given"
    elif [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        echo "this user is not root and there is no sudo"
    fi
}

# need_packages [test]: installs what is missing, or says what to do. The packages of "test" are wished for, not needed.
# Sets installed=yes when it installed something, so that configure looks again.
need_packages() {
    local missing wished=() obstacle as_root=()
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian, so packages are not checked; deploy/INSTALL.md names the libraries"
        return 0
    fi
    mapfile -t missing < <(package_names | missing_of)
    [ $# -eq 0 ] || mapfile -t wished < <(package_names "$1" | missing_of)
    obstacle=$(obstacle_to_installing)
    if [ -n "$obstacle" ]; then
        [ ${#missing[@]} -eq 0 ] || die "${#missing[@]} packages are missing and $obstacle; as root: apt-get install ${missing[*]}"
        [ ${#wished[@]} -eq 0 ] || say "without ${wished[*]} some tests and peers are left out ($obstacle)"
        return 0
    fi
    missing+=("${wished[@]}")
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${#missing[@]} packages: ${missing[*]}"
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo)
        sudo -v || die "sudo refused; as root: apt-get install ${missing[*]}"
    fi
    step apt-update "${as_root[@]}" apt-get update
    step apt-install "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
    installed=yes
}

# unpack_peer PACKAGE: its files into $build/peers, without installing it. For a header-only peer of of-bench whose
# package asks for another Boost than ours.
unpack_peer() {
    local folder=$build/peers
    [ "$install" != no ] && [ ! -e "$folder/$1.done" ] && command -v apt-get >/dev/null || return 0
    mkdir -p "$folder/download"
    if (cd "$folder/download" && apt-get download "$1" && dpkg -x "$1"_*.deb "$folder") >/dev/null 2>&1; then
        touch "$folder/$1.done"
        installed=yes
    else
        say "without $1, a peer of of-bench, which could not be fetched"
    fi
}

# A compiler of this size of source can take 1 GB: no more jobs than memory allows.
jobs_of_machine() {
    local cores memory
    cores=$(nproc 2>/dev/null || echo 1)
    memory=$(awk '/^MemAvailable/ { print int($2 / 1200000) }' /proc/meminfo 2>/dev/null || true)
    [ -n "$memory" ] && [ "$memory" -lt "$cores" ] && cores=$memory
    [ "$cores" -ge 1 ] || cores=1
    echo "$cores"
}

# configure [MESON-OPTION...]: makes $build if there is none; one that was made for another checkout is made anew.
configure() {
    local info=$build/meson-info/meson-info.json
    if [ -e "$info" ] && ! grep -qF "\"source\": \"$root\"" "$info"; then
        [[ $build == "$root"/* ]] || die "$build is the build folder of other sources; name another"
        say "removing ${build##*/}/, which was configured for another folder"
        rm -rf -- "$build"
    fi
    if [ -e "$build/build.ninja" ]; then
        [ $# -eq 0 ] || step configure meson configure "$build" "$@"
        [ "${installed:-no}" = no ] || step configure meson setup --reconfigure "$build" "$root"
        return 0
    fi
    say "configuring ${build##*/}/"
    # What an interrupted configuration left behind only confuses the next.
    rm -rf -- "$build/meson-private"
    step configure meson setup "$build" "$root" "$@"
}

# compile: brings $build up to date. On a terminal ninja shows its progress.
compile() {
    local jobs
    jobs=$(jobs_of_machine)
    ! ninja -C "$build" -n 2>/dev/null | grep -q 'no work to do' || return 0
    say "building ${build##*/}/ with $jobs jobs (the first time takes minutes)"
    mkdir -p "$logs"
    if [ -t 2 ]; then
        ninja -C "$build" -j "$jobs" >&2 </dev/null || die "build failed: see above"
    else
        step build ninja -C "$build" -j "$jobs"
    fi
}
