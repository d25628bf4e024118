# Swift on Linux: sourced by the checks of bindings/ and ios/, which set LIBRARY (the folder of libpli.a, libpli.so and
# pli-bindgen) and CACHE, and have the functions skip and fail.

BINDINGS=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")

generate() { # language, folder
    mkdir -p "$2"
    "$LIBRARY/pli-bindgen" generate --language "$1" --out-dir "$2" --no-format "$LIBRARY/libpli.so"
}

# Swift as Debian has it, in a private root; nothing is installed.
swift_root() {
    local root=$CACHE/swift
    [ ! -e "$root/complete" ] || return 0
    echo "fetching Swift into $root (555 MB, once)"
    python3 "$BINDINGS/tools/debian.py" unpack "$BINDINGS/tools/swift.lock" "$CACHE/debs" "$root" && rm -rf "$CACHE/debs"
}

# Runs a command in that root, where the repository and the library are seen.
in_swift() {
    KEEP="PLI_PROGRAM PLI_LIBRARY_FOLDER" \
        "$BINDINGS/tools/in-root" "$CACHE/swift" "$BINDINGS/.." "$LIBRARY" -- "$@"
}

# Whether Swift can run here; why not is said.
swift_possible() {
    local tool
    if [ "$(uname -sm)" != "Linux x86_64" ]; then skip "swift: on this machine use Xcode: see docs/embedding.md"; return 1; fi
    for tool in curl gpgv dpkg-deb unshare; do command -v $tool >/dev/null || { skip "swift: needs $tool"; return 1; }; done
    if ! unshare --mount true 2>/dev/null && ! unshare --mount --user --map-root-user true 2>/dev/null; then
        skip "swift: no mount namespaces here"
        return 1
    fi
}

# The toolchain, the generated layer of Swift's package, and the library where the package looks for it; whether that is
# to be had here.
swift_ready() {
    local module written=$BINDINGS/swift/.build/generated to=$BINDINGS/swift
    swift_possible || return 1
    swift_root || { skip "swift: its toolchain can't be had"; return 1; }
    rm -rf "$written"
    generate swift "$written" || { fail "swift: no bindings"; return 1; }
    for module in PliValues PliNative; do
        mkdir -p "$to/Sources/${module}FFI"
        copied "$written/$module.swift" "$to/Sources/PliNative/$module.swift"
        copied "$written/${module}FFI.h" "$to/Sources/${module}FFI/${module}FFI.h"
        copied "$written/${module}FFI.modulemap" "$to/Sources/${module}FFI/module.modulemap"
    done
    # Alone in its folder, so that the linker takes the archive.
    export PLI_LIBRARY_FOLDER=$to/.build/library
    mkdir -p "$PLI_LIBRARY_FOLDER"
    if ! cmp -s "$LIBRARY/libpli.a" "$PLI_LIBRARY_FOLDER/libpli.a"; then
        cp "$LIBRARY/libpli.a" "$PLI_LIBRARY_FOLDER/"
        # SwiftPM does not look at libraries: what was linked with the one before is linked anew.
        rm -f "$to"/.build/debug/chat "$BINDINGS"/../{bindings/swift,ios}/.build/debug/*.xctest \
            "$BINDINGS"/../ios/.build/debug/{life,main-thread}
    fi
}

# Copies what differs: what is the same need not be built again.
copied() { cmp -s "$1" "$2" || cp "$1" "$2"; }
