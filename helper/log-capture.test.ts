import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogCapture } from './log-capture.ts';

describe('the log of a step', () => {
  it('is kept whole, byte for byte, while it fits', () => {
    const capture = new LogCapture(8);
    capture.push(Buffer.from([0x1b, 0x5b, 0xff]));
    capture.push(Buffer.from([0x00, 0x0a, 0xc3, 0x28, 0x7f]));
    expect(capture.take()).toEqual({
      bytes: Buffer.from([0x1b, 0x5b, 0xff, 0x00, 0x0a, 0xc3, 0x28, 0x7f]),
      omittedBytes: 0,
    });
  });

  it('is its first half and its last half once it does not, with the exact count of what is missing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 20 })),
        fc.integer({ min: 0, max: 40 }),
        (chunks, keptBytesMax) => {
          const capture = new LogCapture(keptBytesMax);
          for (const chunk of chunks) capture.push(Buffer.from(chunk));
          const all = Buffer.concat(chunks);
          const headBytes = Math.ceil(keptBytesMax / 2);
          const tailBytes = keptBytesMax - headBytes;
          const expected =
            all.length <= keptBytesMax
              ? all
              : Buffer.concat([all.subarray(0, headBytes), all.subarray(all.length - tailBytes)]);
          const { bytes, omittedBytes } = capture.take();
          expect(bytes.equals(expected)).toBe(true);
          expect(omittedBytes).toBe(all.length - expected.length);
        },
      ),
    );
  });
});
