/**
 * Keeps the head and the tail of a stream of bytes, exactly, in a fixed amount of memory: a check that prints a gigabyte
 * costs what a check that prints a page costs. Nothing is decoded or cleaned here, because the bytes are evidence.
 */
export class LogCapture {
  readonly #head: Buffer;
  /** A ring: `#tailNext` is where the next byte goes, and once it is full also where the oldest one is. */
  readonly #tail: Buffer;
  #headBytes = 0;
  #tailNext = 0;
  #tailBytes = 0;
  #totalBytes = 0;

  /** `keptBytesMax`: half of it for the head, the rest for the tail. */
  constructor(keptBytesMax: number) {
    const headBytesMax = Math.ceil(keptBytesMax / 2);
    this.#head = Buffer.alloc(headBytesMax);
    this.#tail = Buffer.alloc(keptBytesMax - headBytesMax);
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  push(chunk: Buffer): void {
    this.#totalBytes += chunk.length;
    const intoHead = chunk.copy(this.#head, this.#headBytes, 0, this.#head.length - this.#headBytes);
    this.#headBytes += intoHead;
    this.#pushTail(chunk.subarray(intoHead));
  }

  /** What was kept, in order, and how many bytes are missing between its head and its tail. */
  take(): { readonly bytes: Buffer; readonly omittedBytes: number } {
    const full = this.#tailBytes === this.#tail.length;
    const tail = full
      ? [this.#tail.subarray(this.#tailNext), this.#tail.subarray(0, this.#tailNext)]
      : [this.#tail.subarray(0, this.#tailBytes)];
    const bytes = Buffer.concat([this.#head.subarray(0, this.#headBytes), ...tail]);
    return { bytes, omittedBytes: this.#totalBytes - bytes.length };
  }

  #pushTail(chunk: Buffer): void {
    const size = this.#tail.length;
    if (size === 0 || chunk.length === 0) return;
    const kept = chunk.length > size ? chunk.subarray(chunk.length - size) : chunk;
    const first = kept.copy(this.#tail, this.#tailNext);
    kept.copy(this.#tail, 0, first);
    this.#tailNext = (this.#tailNext + kept.length) % size;
    this.#tailBytes = Math.min(size, this.#tailBytes + kept.length);
  }
}
