# Reads the name of one folder that is being made among the checkouts, gives it to the user patchgit-run, and says "given".
# Its unit has one right, to change owners, and one place to write: whatever name comes in, nothing outside can be changed.
set -eu
checkouts=/var/lib/patchgit/checkouts
IFS= read -r name
if ! printf '%s\n' "$name" | grep -Eqx '[0-9a-f]{40,64}\.[0-9a-f]{12}/tree'; then
  echo "That is not the name of a new checkout."
  exit 1
fi
# Links are changed themselves and never followed: their targets are a stranger's choice.
if ! said=$(chown -R -P -h -- patchgit-run:patchgit-run "$checkouts/$name" 2>&1); then
  printf '%s\n' "$said" | head -n 1
  exit 1
fi
echo given
