# shellcheck shell=bash
# What run.sh and test.sh share (sourced by them): a Python, the system's libraries and `.venv` from the locked files.
#
# prepare_environment LOCK ...   makes `.venv` complete for these lock files; nothing is done where it is already.
#
# A torch that is there already and satisfies >=2.6,<3 is kept, whatever build it is: one in `.venv`, or, where
# `.venv` does not exist yet, one in the active virtual environment ($VIRTUAL_ENV), which `.venv` then looks into.

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$checkout/.venv
unfinished=$venv/unfinished                  # there while a `.venv` of our own making is incomplete
borrowed=$venv/torch-borrowed-from           # the environment whose torch `.venv` uses

say() { printf 'fundusxr: %s\n' "$*" >&2; }
fail() { say "$1"; exit 2; }
source "$checkout/scripts/apt.sh"

# --- Python -------------------------------------------------------------------------------------------------------

python_is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        python_is_recent "$PYTHON" || fail "PYTHON=$PYTHON is not a working Python 3.11 or newer"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if python_is_recent "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "needs Python 3.11 or newer; found $(python3 --version 2>/dev/null || echo none). On Ubuntu 22.04: sudo apt-get \
install python3.11 python3.11-venv; or name another with PYTHON=/path/to/python3"
}

# Prints the version of the torch that Python $1 would import, if that satisfies >=2.6,<3. Nothing is imported.
satisfying_torch() {
    "$1" - <<'PY' 2>/dev/null
import re
from importlib.metadata import version
text = version("torch")
major, minor = map(int, re.match(r"(\d+)\.(\d+)", text).groups())
if not (2, 6) <= (major, minor) < (3, 0):
    raise SystemExit(1)
print(text)
PY
}

# --- System packages ----------------------------------------------------------------------------------------------

# Prints the Debian packages that are missing for Python $1, one per line.
missing_packages() {
    local libraries soname package
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        "$1" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))'
    libraries=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null) || return 0   # no list, nothing to say
    while read -r soname package; do
        case $libraries in *"$soname "*) ;; *) echo "$package" ;; esac
    done <<'LIST'
libGL.so.1 libgl1
libEGL.so.1 libegl1
libX11.so.6 libx11-6
libXrandr.so.2 libxrandr2
libXinerama.so.1 libxinerama1
libXcursor.so.1 libxcursor1
libXi.so.6 libxi6
libXext.so.6 libxext6
libxkbcommon.so.0 libxkbcommon0
LIST
    # A driver behind libGL: Mesa's (as one file, or as a library in newer releases) or a vendor's.
    compgen -G '/usr/lib*/dri/swrast_dri.so' >/dev/null || compgen -G '/usr/lib/*/dri/swrast_dri.so' >/dev/null ||
        compgen -G '/usr/lib/*/libgallium-*.so' >/dev/null || compgen -G '/usr/lib*/libgallium-*.so' >/dev/null ||
        compgen -G '/usr/share/glvnd/egl_vendor.d/*nvidia*' >/dev/null || echo libgl1-mesa-dri
}

install_missing_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$1")
    [ "${#missing[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        fail "these are missing, by their Debian names: ${missing[*]}. Install them with your package manager"
    fi
    if [ "$(id -u)" != 0 ]; then
        say "system packages are missing. Install them, then run this again:"
        printf 'sudo apt-get install %s\n' "${missing[*]}" >&2
        exit 2
    fi
    say "installing ${missing[*]}"
    { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; } ||
        fail "apt-get could not install ${missing[*]}"
}

# --- The virtual environment ----------------------------------------------------------------------------------------

stamp_of() { { printf '%s\n' "$venv"; cat "$checkout/$1" "$checkout/pyproject.toml"; } | sha256sum; }

is_complete() {
    local lock
    [ -x "$venv/bin/python" ] && [ -x "$venv/bin/fundusxr" ] && [ ! -e "$unfinished" ] || return 1
    [ ! -e "$borrowed" ] || [ -d "$(<"$borrowed")" ] || return 1
    for lock in "$@"; do
        [ -e "$venv/$lock.stamp" ] && [ "$(<"$venv/$lock.stamp")" = "$(stamp_of "$lock")" ] || return 1
    done
}

prepare_environment() {
    is_complete "$@" && return
    exec 8<"$checkout"
    flock 8                                  # two scripts at once: the second finds the first one's work
    is_complete "$@" || make_environment "$@"
    exec 8<&-
}

make_environment() {
    local python lock kept
    trap 'exit 130' INT TERM                 # pip turns Ctrl-C into an ordinary failure; here it stays an interruption
    if [ -e "$unfinished" ]; then
        say "the set-up of .venv was interrupted; starting it anew"
        rm -rf "$venv"
    elif [ -e "$venv" ] && { ! python_is_recent "$venv/bin/python" || ! [ -d "$(cat "$borrowed" 2>/dev/null || echo /)" ]; }; then
        say ".venv has lost its Python, its torch or is older than Python 3.11; making it anew"
        rm -rf "$venv"
    fi
    if [ -e "$venv" ]; then
        install_missing_packages "$venv/bin/python"
    else
        create_venv
    fi
    python=$venv/bin/python
    say "installing what $* name into .venv (the first time takes minutes: torch is large)"
    kept=$(satisfying_torch "$python" || true)
    [ -z "$kept" ] || say "torch $kept is there already and is kept"
    for lock in "$@"; do
        install_lock "$lock" "$kept"
    done
    "$python" -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable "$checkout" \
        >&2 8<&- || fail_unbroken "pip could not install the project itself; its message is above"
    for lock in "$@"; do
        stamp_of "$lock" >"$venv/$lock.stamp"
    done
    rm -f "$unfinished"
    trap - INT TERM
}

# pip gave up of itself, which leaves an environment that the next run can go on with.
fail_unbroken() {
    rm -f "$unfinished"
    fail "$1"
}

create_venv() {
    local python lender=''
    if [ -n "${VIRTUAL_ENV:-}" ] && python_is_recent "$VIRTUAL_ENV/bin/python" &&
        satisfying_torch "$VIRTUAL_ENV/bin/python" >/dev/null; then
        python=$VIRTUAL_ENV/bin/python
        lender=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    else
        python=$(find_python)
    fi
    install_missing_packages "$python"
    mkdir "$venv"
    touch "$unfinished"
    "$python" -m venv "$venv" 8<&- || fail "$python could not make $venv; its message is above"
    if [ -n "$lender" ]; then
        # Behind .venv's own packages, so that only what .venv lacks (torch and what belongs to it) comes from there.
        echo "$lender" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch-borrowed.pth"
        echo "$lender" >"$borrowed"
    fi
}

# Installs lock file $1; $2 is the version of the torch to keep, if one is there.
install_lock() {
    local requirements=$venv/$1.wanted
    if [ -n "$2" ]; then
        grep -v '^torch==' "$checkout/$1" >"$requirements"
    else
        cp "$checkout/$1" "$requirements"
    fi
    "$venv/bin/python" -m pip install --disable-pip-version-check --requirement "$requirements" >&2 8<&- ||
        fail_unbroken "pip could not install $1; its message is above. Without network: put the wheels where pip finds them"
    rm -f "$requirements"
}
