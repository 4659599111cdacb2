/**
 * Bounds of the patch engine. A patch comes from anywhere, so every loop over it ends at one of these
 * (security note T16 to T18: short patches that ask for gigabytes or minutes).
 */

/** Files one patch may touch. */
export const filesMax = 10_000;
/** Hunks one patch may hold, over all files. */
export const hunksMax = 50_000;
/** Sum of all base files that are read to answer one patch. */
export const baseBytesMax = 64 * 1024 * 1024;
/** Sum of the contents of files that parts of one patch start from once more: 38 parts for one file of 400 kB. */
export const repeatedBytesMax = 16 * 1024 * 1024;
/** Line comparisons spent on finding the places of one file's hunks. */
export const searchStepsMax = 20_000_000;
/** Bytes that all binary parts of a patch may unpack to. */
export const binaryBytesMax = 32 * 1024 * 1024;
/** Bytes of binary files that are looked into for secrets, old and new together. */
export const binaryScanBytesMax = 16 * 1024 * 1024;
/** Bytes in one name between slashes, and in a whole path: what Linux file systems take. */
export const nameBytesMax = 255;
export const pathBytesMax = 4096;
/** Symlinks followed while resolving one link, as the kernel does. */
export const linkHopsMax = 40;
/** Lines that git may have to search through before we write the exact numbers for it. */
export const driftLinesMax = 20_000;
/** Wall time of a git process that reads a patch. */
export const gitWallMs = 20_000;
/** Address space of a git process that reads a patch: 239 bytes of binary delta can ask for a gigabyte. */
export const gitMemoryBytesMax = 768 * 1024 * 1024;
/** Characters of a line that are quoted in a refusal. */
export const quotedCharactersMax = 80;
