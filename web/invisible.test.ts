import { describe, expect, it } from 'vitest';
import { hasInvisible, stretches } from './invisible.ts';

const shown = (text: string): string =>
  stretches(text)
    .map((part) => part.text)
    .join('');

describe('text that would mislead', () => {
  it('shows direction overrides, zero-width characters, tags and control characters for what they are', () => {
    expect(shown('a\u202Eb')).toBe('a⟦U+202E⟧b');
    expect(shown('\u2066x\u2069')).toBe('⟦U+2066⟧x⟦U+2069⟧');
    expect(shown('pass\u200Bword')).toBe('pass⟦U+200B⟧word');
    expect(shown('\u{E0041}')).toBe('⟦U+E0041⟧');
    expect(shown('bell\u0007, escape\u001B[31m')).toBe('bell⟦U+0007⟧, escape⟦U+001B⟧[31m');
    expect(shown('\uFEFFstart')).toBe('⟦U+FEFF⟧start');
    expect(shown('line\r')).toBe('line⟦U+000D⟧');
    expect(shown('half \uD83D pair')).toBe('half ⟦U+D83D⟧ pair');
  });

  it('leaves ordinary text of any script alone, with tabs, line feeds and emoji', () => {
    for (const text of ['', 'plain', 'tab\tline\n', 'Grüße, 你好, שלום, नमस्ते', '✓ 🎉 ❤️']) {
      expect(stretches(text)).toEqual([{ text, hidden: false }]);
      expect(hasInvisible(text)).toBe(false);
    }
  });

  it('marks what is hidden, so that it can be styled, and keeps the order', () => {
    expect(stretches('a\u200Bb')).toEqual([
      { text: 'a', hidden: false },
      { text: '⟦U+200B⟧', hidden: true },
      { text: 'b', hidden: false },
    ]);
  });
});
