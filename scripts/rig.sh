#!/usr/bin/env bash
# The OpenXR test rig: Monado, lavapipe and Xvfb, for machines that have none of them.
#
#   scripts/rig.sh build          make the rig once (root, Debian or Ubuntu; about 90 s and 1 GB, cached)
#   scripts/rig.sh exec CMD ...   run CMD where Monado is: here if the machine has it, else inside the rig
#   scripts/rig.sh path           print the rig's folder
#
# The rig is a small Debian 13 root, because Debian 12 has no Monado and its Mesa lacks what Monado's OpenGL clients
# need. Everything of this machine that is not the operating system (home, checkout, /opt, /tmp ...) appears inside at
# its own path, so that the same interpreter, virtual environment and files are used. docs/testing.md tells more.
set -euo pipefail

SUITE=trixie
PACKAGES=(
    monado-service libopenxr1-monado                           # the OpenXR runtime
    mesa-vulkan-drivers libgl1-mesa-dri                        # lavapipe and llvmpipe
    libgl1 libglx-mesa0 libegl1 libegl-mesa0
    xvfb xauth x11-utils xdotool                               # a screen, and hands for it
    libx11-6 libxrandr2 libxinerama1 libxcursor1 libxi6 libxext6 libxkbcommon0      # loaded by glfw
    libssl3t64 libffi8 libsqlite3-0 libbz2-1.0 liblzma5 libreadline8t64             # loaded by the host's Python
    libexpat1 libuuid1 libncursesw6 libcrypt1 zlib1g
    iproute2 procps
)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fundusxr
rig=$cache/rig-$(printf '%s\n' "$SUITE" "${PACKAGES[@]}" | sha256sum | cut -c1-12)
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf 'rig: %s\n' "$*" >&"${terminal:-2}"; }
fail() { say "$1"; exit "${2:-1}"; }
source "$checkout/scripts/apt.sh"

# The Debian mirror this machine itself uses (apt reads its one-line and its deb822 sources alike), or nothing, for which
# debootstrap has a default.
mirror() {
    # shellcheck disable=SC2016  # apt expands these
    apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
        awk '$1 == "Debian" && $2 !~ /security/ && !found { print $2; found = 1 }'
}

build() {
    [ -d "$rig" ] && return
    [ "$(id -u)" = 0 ] || fail "building the rig needs root; or install monado-service and Xvfb yourself" 3
    command -v apt-get >/dev/null || fail "building the rig needs apt (Debian or Ubuntu)" 3
    unshare --mount true 2>/dev/null ||
        fail "this container may not mount; start it with --privileged or --cap-add SYS_ADMIN" 3
    mkdir -p "$cache"
    exec 9>"$cache/rig.lock"
    # Two builds at once: the second finds the first one's rig. The lock is inherited, so it also waits for what a killed
    # build has left running.
    flock 9
    [ -d "$rig" ] && return
    local log=$cache/rig-build.log unfinished=$rig.unfinished mirror terminal
    exec {terminal}>&2                       # what is said while stderr is the log
    say "building the OpenXR rig in $rig (once; about 90 s, log in $log)"
    rm -rf "$unfinished"
    # Joined by &&: errexit does not hold in a list that || follows.
    {
        { apt_get update || true; } &&       # a broken third-party source need not matter
        # The newest keyring of this release holds the next release's keys as well.
        apt_get install -y --no-install-recommends debootstrap debian-archive-keyring &&
        mirror=$(mirror) &&
        # In a mount namespace of its own, so that whatever debootstrap mounts goes when it goes.
        unshare --mount debootstrap --variant=minbase \
            --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
            --include="$(IFS=,; echo "${PACKAGES[*]}")" "$SUITE" "$unfinished" ${mirror:+"$mirror"} &&
        rm -rf "$unfinished"/var/cache/apt/archives/*.deb "$unfinished"/var/lib/apt/lists/*
    } >"$log" 2>&1 || { tail -n 15 "$log" >&2; fail "building failed; the whole log is $log" 3; }
    mv "$unfinished" "$rig"                  # complete from here on
    say "built in $SECONDS s"
    exec 9>&- {terminal}>&-
}

# Runs inside the new namespaces as their process 1; whatever it mounts or starts ends with it.
enter() {
    local root=$1 cwd=$2 entry prefix data status=0
    shift 2
    mount --make-rprivate /
    mount --bind "$root" "$root"
    for entry in /*; do
        case $entry in
            /bin | /boot | /etc | /lib* | /proc | /run | /sbin | /usr | /var | /lost+found) continue ;;
        esac
        [ -d "$entry" ] && [ ! -L "$entry" ] || continue
        mkdir -p "$root$entry"
        mount --rbind "$entry" "$root$entry"
    done
    for entry in "$HOME" "$checkout" "$cwd"; do            # where they live in a system folder after all
        case $entry in
            /usr/* | /var/*) mkdir -p "$root$entry"; mount --rbind "$entry" "$root$entry" ;;
        esac
    done
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    if [ -d "${FUNDUSXR_DATA:-}" ]; then
        data=$(realpath "$FUNDUSXR_DATA")
        mkdir -p "$root$data"
        mount --bind "$data" "$root$data"
        mount -o remount,bind,ro "$root$data"
    fi
    # An interpreter that lives with the operating system has to be brought along.
    prefix=$(dirname "$(dirname "$(readlink -f "$checkout/.venv/bin/python" || command -v python3)")")
    case $prefix in
        /usr) bind_system_python "$root" ;;
        /usr/local) mount --rbind /usr/local "$root/usr/local"; chroot "$root" /usr/sbin/ldconfig ;;
    esac
    export FUNDUSXR_RIG=1 PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin"
    unset LD_LIBRARY_PATH LD_PRELOAD DISPLAY WAYLAND_DISPLAY XDG_RUNTIME_DIR XR_RUNTIME_JSON
    chroot "$root" /usr/sbin/ip link set lo up 2>/dev/null || true
    # Not exec: process 1 of a PID namespace ignores the signals (Ctrl-C) that the command should get.
    chroot "$root" /usr/bin/env --chdir="$cwd" "$@" || status=$?
    exit "$status"
}

bind_system_python() {
    local root=$1 binary library
    binary=$(readlink -f "$checkout/.venv/bin/python" || readlink -f "$(command -v python3)")
    library=/usr/lib/$(basename "$binary")
    touch "$root$binary"
    mount --bind "$binary" "$root$binary"
    mkdir -p "$root$library"
    mount --bind "$library" "$root$library"
}

run() {
    [ $# -gt 0 ] || fail "exec needs a command" 2
    if command -v monado-service >/dev/null; then
        exec "$@"
    fi
    [ -d "$rig" ] || build
    local network=(--net)
    if ! unshare --net true 2>/dev/null; then
        say "network namespaces are not permitted here: Monado's remote port is open to this machine's network meanwhile"
        network=()
    fi
    # In the background, so that this shell can pass on a SIGTERM, which unshare itself blocks; background commands
    # start with Ctrl-C ignored, which env undoes.
    env --default-signal=INT,QUIT unshare --mount "${network[@]}" --pid --fork --kill-child \
        "${BASH_SOURCE[0]}" enter "$rig" "$PWD" "$@" <&0 &
    local child=$! status=0
    trap 'kill -KILL "$child" 2>/dev/null || true' TERM HUP
    trap : INT
    wait "$child" || status=$?
    while kill -0 "$child" 2>/dev/null; do   # a trapped signal ends `wait` early
        status=0
        wait "$child" || status=$?
    done
    exit "$status"
}

case ${1:-} in
    build) build ;;
    exec) shift; run "$@" ;;
    enter) shift; enter "$@" ;;
    path) echo "$rig" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
