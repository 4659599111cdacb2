# Runs git on a patch that a stranger may have written, in a folder that is gone afterwards. What comes in: three lines (bytes
# of memory, seconds, bytes of the index), the environment line by line, an empty line, the arguments line by line, an empty line,
# the index, and the patch up to the end. What goes out: a line (exit code, bytes of what git said), what git said, and an
# archive of the index and the new objects. Whoever reads it looks at each object before it takes it.
set -eu
cd /tmp
IFS= read -r memory
IFS= read -r seconds
IFS= read -r bytes
set --
while IFS= read -r line && [ -n "$line" ]; do set -- "$@" "$line"; done
set -- "$@" git
while IFS= read -r line && [ -n "$line" ]; do set -- "$@" "$line"; done
mkdir objects
head -c "$bytes" > index
code=0
timeout -s KILL "$seconds" prlimit "--as=$memory" env -i "$@" > /dev/null 2> errors || code=$?
printf '%s %s\n' "$code" "$(head -c 65536 errors | wc -c)"
head -c 65536 errors
exec tar --format=ustar -cf - index objects
