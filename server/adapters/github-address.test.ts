import { expect, it } from 'vitest';
import { gitHubName, gitHubTransferName } from './github-address.ts';

const origin = 'https://github.com';
const shop = { owner: 'octo', name: 'shop' };

it.each<[string, object | null, boolean]>([
  ['https://github.com/octo/shop', shop, true],
  ['https://github.com/octo/shop.git', shop, true],
  ['https://github.com/octo/shop.git/', shop, true],
  ['https://GitHub.com/octo/shop', shop, true],
  ['git@github.com:octo/shop.git', shop, false],
  ['ssh://git@github.com/octo/shop.git', shop, false],
  ['https://github.com/octo/my.repo-1_x', { owner: 'octo', name: 'my.repo-1_x' }, true],
  ['https://github.com/octo', null, false],
  ['https://github.com/octo/shop/tree/main', null, false],
  ['https://github.com/octo/..', null, false],
  ['https://github.com/octo/.git', null, false],
  ['https://github.com/octo/%2e%2e', null, false],
  ['https://github.com/octo/a%2Fb', null, false],
  ['https://github.com/-octo/shop', null, false],
  ['https://github.com:444/octo/shop', null, false],
  ['https://user@github.com/octo/shop', null, false],
  ['https://github.com/octo/shop?x=1', null, false],
  ['http://github.com/octo/shop', null, false],
  ['https://github.com.evil.example/octo/shop', null, false],
  ['https://evil.example/github.com/octo/shop', null, false],
  ['git@evil.example:octo/shop.git', null, false],
  ['/srv/git/shop.git', null, false],
  ['file:///srv/git/shop.git', null, false],
  ['ext::sh -c x', null, false],
])('%s', (url, name, isTransfer) => {
  expect(gitHubName(url, origin)).toEqual(name);
  expect(gitHubTransferName(url, origin)).toEqual(isTransfer ? name : null);
});
