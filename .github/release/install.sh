#!/bin/sh
# Installs hookctl from its latest release, or from the one that VERSION names, into BIN (default ~/.local/bin), and its man
# pages and completions below ~/.local/share. It installs nothing whose checksum is not the release's.
#
#	curl -fsSL https://github.com/@REPOSITORY@/releases/latest/download/install.sh | sh
set -eu

releases=${HOOKCTL_RELEASES:-https://github.com/@REPOSITORY@/releases}
bin=${BIN:-$HOME/.local/bin}
share=${XDG_DATA_HOME:-$HOME/.local/share}

fail() {
  echo "error: $1" >&2
  [ -z "${2:-}" ] || echo "hint: $2" >&2
  exit 1
}

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "there is no hookctl for $(uname -s) here" "on Windows: scoop install hookctl" ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no hookctl for $(uname -m)" "build it: go install ./cmd/hookctl" ;;
esac
if command -v sha256sum >/dev/null; then
  sum() { sha256sum "$1"; }
elif command -v shasum >/dev/null; then
  sum() { shasum -a 256 "$1"; }
else
  fail "neither sha256sum nor shasum is installed" "install coreutils"
fi
command -v curl >/dev/null || fail "curl is not installed"

from=$releases/latest/download
[ -z "${VERSION:-}" ] || from=$releases/download/v${VERSION#v}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
curl -fsSL --retry 3 -o checksums.txt "$from/checksums.txt" || fail "cannot fetch $from/checksums.txt" "check the version and the network"
archive=$(awk -v end="_${os}_${arch}.tar.gz" '{ if (substr($2, length($2) - length(end) + 1) == end) print $2 }' checksums.txt)
[ -n "$archive" ] || fail "the release has no archive for $os on $arch"
case $archive in */*) fail "the release names a file outside of its directory: $archive" ;; esac
curl -fsSL --retry 3 -o "$archive" "$from/$archive" || fail "cannot fetch $from/$archive"
want=$(awk -v name="$archive" '$2 == name { print $1 }' checksums.txt)
have=$(sum "$archive" | cut -d ' ' -f 1)
[ "$want" = "$have" ] || fail "$archive has the checksum $have, not $want: nothing was installed" "try again; if it stays so, report it"

top=$work/archive
mkdir "$top"
tar -xzf "$archive" -C "$top"
mkdir -p "$bin" "$share/man/man1" "$share/bash-completion/completions" "$share/zsh/site-functions" "$share/fish/vendor_completions.d"
# Under another name first: a program that runs cannot be written to.
cp "$top/hookctl" "$bin/.hookctl.new"
chmod 755 "$bin/.hookctl.new"
mv -f "$bin/.hookctl.new" "$bin/hookctl"
cp "$top"/man1/* "$share/man/man1/"
cp "$top/completions/hookctl.bash" "$share/bash-completion/completions/hookctl"
cp "$top/completions/_hookctl" "$share/zsh/site-functions/_hookctl"
cp "$top/completions/hookctl.fish" "$share/fish/vendor_completions.d/hookctl.fish"

echo "installed $("$bin/hookctl" version) into $bin"
case :$PATH: in
*:"$bin":*) ;;
*) echo "hint: add it to your PATH: export PATH=\"$bin:\$PATH\"" ;;
esac
