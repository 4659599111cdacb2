/**
 * Pages hold nothing but files of ours: no inline script or style, no string that becomes markup (Trusted Types, with no
 * policy allowed), no frame around or inside (OWASP ASVS 5.0, 3.4).
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const unused = ['accelerometer', 'camera', 'display-capture', 'geolocation', 'gyroscope', 'magnetometer', 'microphone'];
const permissions = [...unused, 'midi', 'payment', 'usb'].map((feature) => `${feature}=()`).join(', ');

/**
 * On every answer: pages, JSON, refusals and errors alike. `https`: asked for over TLS, so the browser may be told to never
 * come without it. `path`: answers under /api are kept by nobody.
 */
export function securityHeaders(request: { readonly https: boolean; readonly path: string }): Record<string, string> {
  return {
    'content-security-policy': pagePolicy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': permissions,
    ...(request.https ? { 'strict-transport-security': 'max-age=31536000' } : {}),
    ...(isApi(request.path) ? { 'cache-control': 'no-store' } : {}),
  };
}

export function isApi(path: string): boolean {
  return path === '/api' || path.startsWith('/api/');
}
