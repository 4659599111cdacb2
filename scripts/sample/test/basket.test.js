import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addLine, cheapest, total } from '../src/basket.js';
import { receipt } from '../src/receipt.js';

const basket = addLine(addLine([], 'milk', 119), 'bread', 340, 2);

test('a basket adds up', () => {
  assert.equal(total([]), 0);
  assert.equal(total(basket), 799);
});

test('a count is a whole number above zero', () => {
  assert.throws(() => addLine([], 'milk', 119, 0), RangeError);
});

test('the cheapest line is found', () => {
  assert.equal(cheapest(basket).name, 'milk');
  assert.equal(cheapest([]), null);
});

test('a receipt shows every line and the total', () => {
  assert.equal(receipt(basket), '1 x milk 1.19\n2 x bread 6.80\nTotal 7.99');
});
