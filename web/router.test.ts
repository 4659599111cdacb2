import { describe, expect, it } from 'vitest';
import { isInside, matchPath } from './router.ts';

describe('the router', () => {
  it('reads the parts of a path, decoded', () => {
    expect(matchPath('/jobs/:id', '/jobs/job_1')).toEqual({ id: 'job_1' });
    expect(matchPath('/pulls/:repository/:number', '/pulls/my%20site/12')).toEqual({
      repository: 'my site',
      number: '12',
    });
    expect(matchPath('/proposals/:id/diff', '/proposals/p/diff/')).toEqual({ id: 'p' });
    expect(matchPath('/', '/')).toEqual({});
  });

  it('does not match another page, nor an empty part', () => {
    expect(matchPath('/jobs/:id', '/jobs')).toBeNull();
    expect(matchPath('/jobs/:id', '/jobs/')).toBeNull();
    expect(matchPath('/jobs/:id', '/jobs/a/b')).toBeNull();
    expect(matchPath('/jobs/:id', '/proposals/a')).toBeNull();
  });

  it('shows a stray percent sign as it was typed', () => {
    expect(matchPath('/jobs/:id', '/jobs/100%')).toEqual({ id: '100%' });
  });

  it('follows its own pages and leaves the rest to the browser', () => {
    const origin = 'http://127.0.0.1:1';
    const link = (href: string, target = '', download = '') => isInside({ href, target, download }, origin);
    expect(link('/jobs')).toBe(true);
    expect(link('/api/audit/export')).toBe(false);
    expect(link('/jobs', '_blank')).toBe(false);
    expect(link('/jobs', '', 'name')).toBe(false);
    expect(link('https://example.org/jobs')).toBe(false);
    expect(link('javascript:alert(1)')).toBe(false);
  });
});
