const paths = {
  chat: 'M4 5h16v11H9l-5 4z',
  proposals: 'M6 3h9l4 4v14H6zM14 3v5h5M9 13l2.500 2.500L16 11',
  jobs: 'M4 6h4v4H4zM4 14h4v4H4zM12 8h8M12 16h8',
  more: 'M4 7h16M4 12h16M4 17h16',
  budget: 'M4 20V10M10 20V4M16 20v-7M21 20H3',
  helper: 'M4 5h16v6H4zM4 13h16v6H4zM8 8h.010M8 16h.010',
  audit: 'M6 3h12v18H6zM9 8h6M9 12h6M9 16h4',
  repositories: 'M6 3v12a3 3 0 1 0 3 3M6 15V3M18 3v4a5 5 0 0 1-5 5H9',
  settings: 'M4 7h9M19 7h1M4 17h1M11 17h9M16 4.500v5M8 14.500v5',
  back: 'm14 5-7 7 7 7',
  forward: 'm10 5 7 7-7 7',
  attach:
    'M20 11.500 12.500 19a5 5 0 0 1-7-7L13 4.500a3.300 3.300 0 0 1 4.700 4.700L10.500 16.500a1.600 1.600 0 0 1-2.300-2.300L15 7.500',
  plus: 'M12 5v14M5 12h14',
  send: 'M12 20V5M6 11l6-6 6 6',
} as const;

export type IconName = keyof typeof paths;

/** Always beside a word, so it is hidden from screen readers. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
