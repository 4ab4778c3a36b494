# shellcheck shell=bash
# What setup.sh and rig.sh share (sourced by them): apt-get on a machine in use. Needs their `say`.

APT_PATIENCE=900                             # seconds to wait for another program that holds a lock of apt

# apt_get ARGUMENT ...   runs apt-get, which writes to stderr, and waits while another program holds apt's locks: every
# freshly booted Ubuntu installs its updates. apt's own option waits for dpkg's lock alone, not for those of the package
# lists and of the downloads, at which apt-get gives up at once.
apt_get() {
    local deadline=$((SECONDS + APT_PATIENCE)) waited='' said status
    said=$(mktemp)
    while :; do
        status=0
        LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout="$APT_PATIENCE" "$@" 2>&1 |
            tee "$said" >&2 || status=${PIPESTATUS[0]}
        if [ "$status" = 0 ] || ! grep -q '^E: Could not get lock' "$said" || [ "$SECONDS" -ge "$deadline" ]; then
            break
        fi
        [ -n "$waited" ] || say "another program uses apt; waiting for it, up to $((APT_PATIENCE / 60)) minutes"
        waited=yes
        sleep 2
    done
    rm -f "$said"
    return "$status"
}
