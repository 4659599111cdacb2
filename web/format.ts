/** Words and figures as the owner reads them. Times are shown in the device's own zone, 24 hours. */

/** "$0.25"; below one cent four digits, so that a small cost is not shown as free. */
export function usd(amount: number): string {
  return amount !== 0 && Math.abs(amount) < 0.01 ? `$${amount.toFixed(4)}` : `$${amount.toFixed(2)}`;
}

/** "1 file", "2 files". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

/** "812 B", "1.2 KB", "10 MB". */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, 'KB'] : [bytes / 1_000_000, 'MB'];
  return `${value < 10 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${unit}`;
}

/** How long: "0.4 s", "48 s", "2:10", "1:02:05". */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const tail = `${String(minutes).padStart(hours > 0 ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${tail}` : tail;
}

/** "14:02". */
export function clock(atMs: number, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
    ...zone(timeZone),
  }).format(atMs);
}

/** "Saturday, 21 November 2026". */
export function dayText(atMs: number, timeZone?: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', ...zone(timeZone) }).format(atMs);
}

/** When, as short as it can be without doubt: "just now", "12 min ago", "14:02", "20 Nov, 14:02". */
export function when(atMs: number, nowMs: number, timeZone?: string): string {
  const ageMs = nowMs - atMs;
  if (ageMs < 45_000) return 'just now';
  if (ageMs < 3_600_000) return `${Math.max(1, Math.round(ageMs / 60_000))} min ago`;
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', ...zone(timeZone) });
  return day.format(atMs) === day.format(nowMs)
    ? clock(atMs, timeZone)
    : `${day.format(atMs)}, ${clock(atMs, timeZone)}`;
}

function zone(timeZone: string | undefined): { timeZone?: string } {
  return timeZone === undefined ? {} : { timeZone };
}

/** First digits of a hash, as git shows it. */
export function short(hash: string): string {
  return hash.slice(0, 7);
}

/** "a1b2c3…9f": enough of a digest to compare by eye, both ends. */
export function ends(digest: string): string {
  return `${digest.slice(0, 6)}…${digest.slice(-4)}`;
}

/** "proposal" -> "Proposal"; words of the contract at the start of a line. */
export function sentenceCase(text: string): string {
  const plain = text.replaceAll('_', ' ');
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** Joins as people do: "a", "a and b", "a, b and 3 more". */
export function joinNames(names: readonly string[], most = 3): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `${names.length - most + 1} more`] : names;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}
