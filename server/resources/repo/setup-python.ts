/** How what a Python project needs is fetched, so that plain `python3 -m …` of its checks finds it. Pure. */
import { pythonRunner, type FilesAtTop } from './detect.ts';
import type { DetectedSetUp } from './setup-detect.ts';

/** What projects call their lists, in the order in which they are given to pip. */
const requirementLists = [
  'requirements.txt',
  'requirements-dev.txt',
  'requirements_dev.txt',
  'dev-requirements.txt',
  'requirements-test.txt',
  'requirements-tests.txt',
  'test-requirements.txt',
  'requirements/dev.txt',
  'requirements/test.txt',
  'requirements/tests.txt',
] as const;

export const pythonSetUpFiles = ['uv.lock', 'poetry.lock', 'Pipfile.lock', ...requirementLists] as const;

const hosts = ['pypi.org', 'files.pythonhosted.org'];

/**
 * Into the user's own folder below the home, which every `python3` looks into by itself. Debian's Python refuses that unless it is
 * told that it is meant; an older pip does not know the word and ignores it.
 */
const pip =
  'PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --user --disable-pip-version-check --no-warn-script-location';

/**
 * uv, poetry and pipenv make an environment in `.venv`. A line in the user's own folder leads every `python3` there; `addsitedir`
 * also follows what an editable install has left in it. The tree stands at the same place in every sandbox.
 */
const linkEnvironment = `python3 -c 'import glob, os, site
d = site.getusersitepackages()
os.makedirs(d, exist_ok=True)
for p in glob.glob(os.getcwd() + "/.venv/lib/python3*/site-packages"):
    open(d + "/project.pth", "w").write("import site; site.addsitedir(%r)\\n" % p)'`;

export function pythonSetUp(files: FilesAtTop): DetectedSetUp | null {
  const environment = (command: string): DetectedSetUp => ({ command: `${command} && ${linkEnvironment}`, hosts });
  // The interpreter is the system's: another one would come from a host that serves anybody's files.
  if (files.has('uv.lock')) return environment('UV_PYTHON_DOWNLOADS=never uv sync --frozen');
  if (files.has('poetry.lock'))
    return environment('POETRY_VIRTUALENVS_IN_PROJECT=true poetry install --no-interaction');
  if (files.has('Pipfile.lock')) return environment('PIPENV_VENV_IN_PROJECT=1 pipenv sync --dev');
  // tox makes environments of its own.
  if (pythonRunner(files) === 'tox') return { command: 'tox --notest', hosts };
  const lists = requirementLists.filter((name) => files.has(name)).map((name) => `-r ${name}`);
  const wanted = [...lists, ...itself(files)];
  return wanted.length === 0 ? null : { command: `${pip} ${wanted.join(' ')}`, hosts };
}

/**
 * The project itself, where it is a package. Always as a link to the tree: a copy would be what the checks import, and it would be
 * that of another tree.
 */
function itself(files: FilesAtTop): string[] {
  const project = files.get('pyproject.toml') ?? '';
  const isPackage = /^\[build-system\]/m.test(project) || files.has('setup.py');
  if (!isPackage) return [];
  const extras = /^\[project\.optional-dependencies\]\s*\n((?:(?!\[)[^\n]*\n?)*)/m.exec(project)?.[1] ?? '';
  const named = ['test', 'tests', 'testing', 'dev'].filter((name) => new RegExp(`^${name}\\s*=`, 'm').test(extras));
  return [`-e '.${named.length === 0 ? '' : `[${named.join(',')}]`}'`];
}
