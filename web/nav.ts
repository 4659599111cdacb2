import type { IconName } from './parts/icons.tsx';

export interface NavItem {
  readonly href: string;
  readonly label: string;
  readonly icon: IconName;
}

export const mainItems: readonly NavItem[] = [
  { href: '/', label: 'Chat', icon: 'chat' },
  { href: '/proposals', label: 'Proposals', icon: 'proposals' },
  { href: '/jobs', label: 'Jobs', icon: 'jobs' },
];
/** On a phone these stand behind More. */
export const moreItems: readonly NavItem[] = [
  { href: '/budget', label: 'Budget', icon: 'budget' },
  { href: '/helper', label: 'Helper', icon: 'helper' },
  { href: '/audit', label: 'Audit', icon: 'audit' },
  { href: '/repositories', label: 'Repositories', icon: 'repositories' },
  { href: '/settings', label: 'Settings', icon: 'settings' },
];
export const moreItem: NavItem = { href: '/more', label: 'More', icon: 'more' };
