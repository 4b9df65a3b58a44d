/**
 * The language for (quasi-)norms of `implreg_core/norm_language.py`, which says what it is, with the same trees, errors
 * and constants. A text is read, never run.
 */

const [LENGTH, DEPTH] = [200, 8];
const [LEAST, GREATEST, POWER] = [1e-9, 1e9, 10];
const [LEAST_EXPONENT, MOST_VALUES] = [0.01, 1000];
const TOKEN = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|[+*/(),]/y;
const PLAIN = {
  nuclear: ["schatten", 1], frobenius: ["entrywise", 2], spectral: ["schatten", Infinity],
  max_entry: ["entrywise", Infinity], max_row_sum: ["max_row_sum"], max_column_sum: ["max_column_sum"],
};
const KNOWN = [...Object.keys(PLAIN), "schatten(p)", "entrywise(p)", "kyfan(k)", "max(A, B)"].join(", ");

/** Says why a text names no norm: `problem`, and the `position` of its first odd character, from 1. */
function fail(at, problem) {
  throw Object.assign(new Error(`Character ${at + 1}: ${problem}`), { position: at + 1, problem });
}

/** The words of a text, in small letters, with their places; the last is empty. */
function tokensOf(text) {
  if (text.length > LENGTH) fail(LENGTH, `a norm has at most ${LENGTH} characters.`);
  const tokens = [];
  let at = 0;
  while (at < text.length) {
    if (" \t\r\n".includes(text[at])) {
      at += 1;
      continue;
    }
    TOKEN.lastIndex = at;
    const [token] = TOKEN.exec(text) ?? [];
    if (text[at] === "-") {
      fail(at, "there is no minus here, for a difference need not be a norm; use + and max(A, B).");
    }
    if (token === undefined) {
      const odd = String.fromCodePoint(text.codePointAt(at));
      fail(at, `\`${odd}\` has no meaning here; use names, numbers and + * / ( ) ,.`);
    }
    tokens.push([token.toLowerCase(), at]);
    at += token.length;
  }
  return [...tokens, ["", text.length]];
}

/** The parts of a text as nested arrays; throws an error with a `position` and a `problem`. */
export function parse(text) {
  const tokens = tokensOf(text);
  let next = 0;
  let depth = 0;
  const word = () => tokens[next][0];
  const place = () => tokens[next][1];
  const take = (...words) => {
    const found = words.includes(word());
    if (found) next += 1;
    return found;
  };
  const expect = (wanted, after) => {
    if (!take(wanted)) fail(place(), `\`${wanted}\` is missing after ${after}.`);
  };

  function norm(toTheEnd = false) {
    const at = place();
    const node = sum();
    if (toTheEnd && word() !== "") {
      fail(place(), `\`${word()}\` cannot follow here; join norms with + and scales with * or /.`);
    }
    if (node[0] === "number") fail(at, "a number is no norm; multiply a norm by it, as in 2 * nuclear.");
    return node;
  }

  function sum() {
    const places = [place()];
    const terms = [product()];
    while (take("+")) {
      places.push(place());
      terms.push(product());
    }
    if (terms.length === 1) return terms[0];
    const number = terms.findIndex((term) => term[0] === "number");
    if (number >= 0) {
      fail(places[number], "only norms are added; multiply a norm by this number instead, as in 2 * nuclear.");
    }
    return ["sum", ...terms];
  }

  function checkScale(at, scale, power) {
    if (LEAST <= scale && scale <= GREATEST && Math.abs(power) <= POWER) return;
    fail(at, "a scale must stay between 1e-9 and 1e9, and between d^-10 and d^10.");
  }

  function product() {
    const start = place();
    let [found, scale, power, sign] = [null, 1, 0, "*"];
    do {
      const at = place();
      const item = factor();
      if (item[0] === "number") {
        scale = sign === "*" ? scale * item[1] : scale / item[1];
        power = sign === "*" ? power + item[2] : power - item[2];
        if (scale !== Infinity) checkScale(at, scale, power);
      } else if (sign === "/") {
        fail(at, "nothing is divided by a norm; divide by numbers, d or sqrt(d).");
      } else if (found === null) {
        found = item;
      } else {
        fail(at, "norms are not multiplied; add them, or take max(A, B).");
      }
      sign = word();
    } while (take("*", "/"));
    if (found === null) return ["number", scale, power];
    checkScale(start, scale, power);
    return scale === 1 && power === 0 ? found : ["scale", scale, power, found];
  }

  function bracketed(inside, after) {
    if (depth === DEPTH) fail(tokens[next - 1][1], `brackets are nested at most ${DEPTH} deep.`);
    depth += 1;
    const node = inside();
    depth -= 1;
    expect(")", after);
    return node;
  }

  function argument(rule, what) {
    const at = place();
    const node = product();
    if (node[0] !== "number" || node[2] !== 0 || !rule(node[1])) fail(at, what);
    return node[1];
  }

  const exponent = () =>
    argument((p) => p >= LEAST_EXPONENT, "an exponent must be a number from 0.01 on, or inf.");
  const whole = (k) => Number.isInteger(k) && k >= 1 && k <= MOST_VALUES;
  const FUNCTIONS = {
    sqrt: () => {
      const at = place();
      const [kind, scale, power] = product();
      if (kind !== "number") fail(at, "no root is taken of a norm; use numbers and d, as in sqrt(d).");
      return ["number", Math.sqrt(scale), power / 2];
    },
    schatten: () => ["schatten", exponent()],
    entrywise: () => ["entrywise", exponent()],
    kyfan: () => ["kyfan", argument(whole, "k must be a whole number from 1 to 1000.")],
    max: () => {
      const parts = [norm()];
      while (take(",")) parts.push(norm());
      return ["max", ...parts];
    },
  };

  function factor() {
    const [name, at] = tokens[next];
    next += 1;
    if (name === "d") return ["number", 1, 1];
    if (name === "inf") return ["number", Infinity, 0];
    if (Object.hasOwn(PLAIN, name)) return [...PLAIN[name]];
    if (name === "(") return bracketed(sum, "what the bracket holds");
    if (Object.hasOwn(FUNCTIONS, name)) {
      expect("(", `\`${name}\``);
      return bracketed(FUNCTIONS[name], `what \`${name}\` is of`);
    }
    if (/^[\d.]/.test(name)) {
      const value = Number(name);
      if (!(LEAST <= value && value <= GREATEST)) fail(at, "numbers must be positive, from 1e-9 to 1e9.");
      return ["number", value, 0];
    }
    if (name === "" && next === 1) fail(at, "type a norm here, for example nuclear / d.");
    if (name === "") fail(at, "the text ends where a norm or a number should stand.");
    if ("+*/(),".includes(name)) fail(at, `a norm or a number should stand before \`${name}\`.`);
    if (["p", "k"].includes(name)) fail(at, `\`${name}\` stands for a number, as in schatten(1/2) and kyfan(2).`);
    return fail(at, `no norm is called \`${name}\`; there are ${KNOWN}.`);
  }

  return norm(true);
}

/** (sum x^p)^(1/p) for x >= 0, relative to the largest so that no power underflows. */
function powerSum(x, p) {
  const largest = Math.max(...x);
  if (p === Infinity || largest === 0) return largest;
  return largest * x.reduce((sum, xi) => sum + (xi / largest) ** p, 0) ** (1 / p);
}

const add = (x) => x.reduce((sum, xi) => sum + xi, 0);

const VALUES = {
  sum: (parts, matrix) => add(parts.map((part) => evaluate(part, matrix))),
  max: (parts, matrix) => Math.max(...parts.map((part) => evaluate(part, matrix))),
  scale: ([scale, power, part], matrix) => scale * matrix.d ** power * evaluate(part, matrix),
  schatten: ([p], { sigma }) => powerSum(sigma, p),
  entrywise: ([p], { entries }) => powerSum(entries, p),
  kyfan: ([k], { sigma }) => add(sigma.slice(0, k)),
  max_row_sum: (_, { entries: [a, b, c, d] }) => Math.max(a + b, c + d),
  max_column_sum: (_, { entries: [a, b, c, d] }) => Math.max(a + c, b + d),
};

/**
 * The norm of a d x d matrix that is zero but for a 2 x 2 corner: `sigma` holds the corner's singular values, the
 * larger first, `entries` the absolute values of its entries, row by row.
 */
export function evaluate([kind, ...rest], matrix) {
  return VALUES[kind](rest, matrix);
}

/** The constant c of the quasi-triangle inequality, by rule. */
export function quasiTriangleConstant([kind, ...rest]) {
  if (kind === "sum" || kind === "max") return Math.max(...rest.map(quasiTriangleConstant));
  if (kind === "scale") return quasiTriangleConstant(rest[2]);
  return kind === "schatten" || kind === "entrywise" ? Math.max(1, 2 ** (1 / rest[0] - 1)) : 1;
}

/** The constants of Theorem 1 in dimension d: a, b and c. All matrices with a single one have the same norm here. */
export function constants(node, d) {
  const c = quasiTriangleConstant(node);
  const unit = evaluate(node, { sigma: [1, 0], entries: [1, 0, 0, 0], d });
  return { a: unit / (Math.SQRT2 * c), b: 8 * c ** 2 * unit, c };
}
