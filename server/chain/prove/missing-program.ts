/** Which program a check did not find, as far as what it printed shows it. It makes a sentence, and never a verdict. Pure. */

/** How a shell, npm, make, env, Bundler, Cargo and Python say it. The first group is what is not there. */
const signs: readonly RegExp[] = [
  /^(?:\/bin\/)?(?:ba|da)?sh: (?:(?:line )?\d+: )?(?:exec: )?([\w@./+-]{1,200}): (?:command )?not found$/,
  /^make(?:\[\d+\])?: ([\w@./+-]{1,200}): No such file or directory$/,
  /^(?:\/usr\/bin\/)?env: [‘'"]?([\w@./+-]{1,200})[’'"]?: No such file or directory$/u,
  /^bundler: command not found: ([\w@./+-]{1,200})$/,
  /^error: no such command: `([\w@./+-]{1,200})`/,
];
const pythonModule = /^\S*python[\d.]*: No module named ([\w.]{1,200})$/;
/** What is not found ends the run, so it stands near the end. */
const linesMax = 40;

/** null: nothing says that a program was not there. `lines` are without colours. */
export function missingProgram(lines: readonly string[]): string | null {
  for (const line of lines.filter((text) => text !== '').slice(-linesMax)) {
    const name = signs.map((sign) => sign.exec(line)?.[1]).find((found) => found !== undefined);
    if (name !== undefined) return name.includes('/') ? installed(`"${name}"`) : onMachine(`The program "${name}"`);
    const module = pythonModule.exec(line)?.[1];
    if (module !== undefined) return installed(`The Python module "${module}"`);
  }
  return null;
}

function installed(what: string): string {
  return `${what} is not there. It usually comes with the project's dependencies: name it in their list, and see that the set-up installs them.`;
}

function onMachine(what: string): string {
  return `${what} is not in the sandbox. If it comes with the project's dependencies, see that the set-up installs them; else install it on the machine, or give the check another command.`;
}
