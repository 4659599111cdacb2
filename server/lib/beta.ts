/** The Beta distribution, as far as an interval needs it. */

/** ln Γ(x) for x > 0, Lanczos approximation (g = 7, n = 9), accurate to about 1e-13. */
function logGamma(x: number): number {
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  const t = shifted + 7.5;
  const sum = coefficients.reduce(
    (total, coefficient, index) => total + (index === 0 ? coefficient : coefficient / (shifted + index)),
    0,
  );
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The regularised incomplete beta function I_x(a, b) by Simpson's rule; a, b >= 1, so that the density has no pole. */
function betaCumulative(x: number, a: number, b: number): number {
  const scale = logGamma(a + b) - logGamma(a) - logGamma(b);
  const density = (t: number): number => {
    if (t <= 0) return a === 1 ? Math.exp(scale) : 0;
    if (t >= 1) return b === 1 ? Math.exp(scale) : 0;
    return Math.exp(scale + (a - 1) * Math.log(t) + (b - 1) * Math.log(1 - t));
  };
  const steps = 400;
  const width = x / steps;
  let sum = density(0) + density(x);
  for (let index = 1; index < steps; index += 1) sum += density(index * width) * (index % 2 === 0 ? 2 : 4);
  return (sum * width) / 3;
}

/** The value below which a Beta(a, b) variable lies with probability `p`; a, b >= 1. Bisection to 1e-6. */
export function betaQuantile(p: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (betaCumulative(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
