export type Theme = 'system' | 'light' | 'dark';

const settingName = 'patchgit.theme';

/** The owner's choice on this device; the system's otherwise. */
export function theme(): Theme {
  const chosen = localStorage.getItem(settingName);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

export function setTheme(next: Theme): void {
  if (next === 'system') localStorage.removeItem(settingName);
  else localStorage.setItem(settingName, next);
  applyTheme();
}

export function applyTheme(): void {
  const chosen = theme();
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}
