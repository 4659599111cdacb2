import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPrice, parsePrice } from '../src/price.js';

test('a price is read in whole cents', () => {
  assert.equal(parsePrice('3'), 300);
  assert.equal(parsePrice('12.05'), 1205);
  assert.throws(() => parsePrice('1.5'), RangeError);
});

test('a price is written with two digits', () => {
  assert.equal(formatPrice(1205), '12.05');
  assert.equal(formatPrice(7), '0.07');
  assert.equal(formatPrice(-250), '-2.50');
});
