/** What the tests of the front end share: chance with a seed, and the way back from a text to its number. */

/** Random numbers from 0 to 1, the same in every run (mulberry32). */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number of either sign and any size from 10^-range to 10^range. */
export const anySize = (random, range) => (random() < 0.5 ? -1 : 1) * 10 ** (range * (2 * random() - 1));

/** `[low, high]`, from `narrowest` times its middle to a thousand times as wide as that. */
export function anyLimits(random, narrowest) {
  const middle = anySize(random, 12);
  const half = Math.abs(middle) * narrowest ** random() * 500 ** random();
  return [middle - half, middle + half];
}

/** The number that a reader sees. */
export const read = (text) =>
  Number(text.replaceAll("\u202F", "").replace("\u00A0×\u00A010", "e").replace(/^10(?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])/, "1e")
    .replaceAll(/[⁰¹²³⁴⁵⁶⁷⁸⁹]/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit)).replaceAll(/[−⁻]/g, "-"));
