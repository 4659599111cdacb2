/** The addresses we answer at. A browser that names another one was led here by somebody else. */
export interface Site {
  /** Behind TLS: cookies get Secure and the `__Host-` prefix. */
  readonly secureCookies: boolean;
  /** Origin for links, for example "http://127.0.0.1:7007". */
  readonly linkOrigin: string;
  /** The origin that belongs to a Host header ("127.0.0.1:7007"), or null when that host is not ours. */
  readonly originOf: (host: string | undefined) => string | null;
}

/**
 * Loopback names on our own port are always ours; a public address only when it is configured. Everything else is refused,
 * because a foreign name that resolves to us is DNS rebinding.
 *
 * `port`: where we listen. `publicUrl`: the address behind a TLS proxy, for example "https://patch.example".
 * `bindHost`: the address we listen on when it is not loopback. Throws TypeError on a URL that is none.
 */
export function siteOf(options: {
  readonly port: number;
  readonly publicUrl?: string;
  readonly bindHost?: string;
}): Site {
  const origins = ['127.0.0.1', 'localhost', '[::1]'].map((name) => new URL(`http://${name}:${options.port}`));
  const wildcard = options.bindHost === '0.0.0.0' || options.bindHost === '::';
  if (options.bindHost !== undefined && !wildcard) {
    const name = options.bindHost.includes(':') ? `[${options.bindHost}]` : options.bindHost;
    origins.push(new URL(`http://${name}:${options.port}`));
  }
  const publicUrl = options.publicUrl === undefined ? null : new URL(options.publicUrl);
  if (publicUrl !== null) origins.push(publicUrl);
  const byHost = new Map(origins.map((url) => [url.host, url.origin]));
  return {
    secureCookies: publicUrl?.protocol === 'https:',
    linkOrigin: publicUrl?.origin ?? `http://127.0.0.1:${options.port}`,
    originOf: (host) => byHost.get(host?.toLowerCase() ?? '') ?? null,
  };
}
