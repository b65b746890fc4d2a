// Formulas of one's own, in the grammar of skxent.losses.FormulaLoss. A formula is parsed
// here, and never run by the browser. Its values are pairs of a number and its derivative
// in the margin.
"use strict";

const number = (x) => [x, 0];
const truth = (x) => number(x ? 1 : 0);
// f(a), given f and f' at a; a constant has the derivative 0, whatever the slope
const chain = (a, value, slope) => [value, a[1] === 0 ? 0 : slope * a[1]];

const OPERATORS = {
  "+": (a, b) => [a[0] + b[0], a[1] + b[1]],
  "-": (a, b) => [a[0] - b[0], a[1] - b[1]],
  "*": (a, b) => [a[0] * b[0], a[1] * b[0] + a[0] * b[1]],
  "/": (a, b) => [a[0] / b[0], (a[1] - (a[0] / b[0]) * b[1]) / b[0]],
  "**": (a, b) => {
    const value = a[0] ** b[0];
    const byBase = chain(a, value, b[0] === 0 ? 0 : b[0] * a[0] ** (b[0] - 1));
    return [value, byBase[1] + (b[1] === 0 ? 0 : value * Math.log(a[0]) * b[1])];
  },
  "<": (a, b) => truth(a[0] < b[0]),
  "<=": (a, b) => truth(a[0] <= b[0]),
  ">": (a, b) => truth(a[0] > b[0]),
  ">=": (a, b) => truth(a[0] >= b[0]),
  "&": (a, b) => truth(a[0] && b[0]),
  "|": (a, b) => truth(a[0] || b[0]),
};
const maximum = (a, b) => (a[0] >= b[0] ? a : b);
const minimum = (a, b) => (a[0] <= b[0] ? a : b);

// Of each function its meaning, and how many values it is of.
const FUNCTIONS = {
  abs: [(a) => (a[0] < 0 ? [-a[0], -a[1]] : a), 1],
  clip: [(a, low, high) => minimum(maximum(a, low), high), 3],
  exp: [(a) => chain(a, Math.exp(a[0]), Math.exp(a[0])), 1],
  expm1: [(a) => chain(a, Math.expm1(a[0]), Math.exp(a[0])), 1],
  log: [(a) => chain(a, Math.log(a[0]), 1 / a[0]), 1],
  log1p: [(a) => chain(a, Math.log1p(a[0]), 1 / (1 + a[0])), 1],
  max: [maximum, 2],
  maximum: [maximum, 2],
  min: [minimum, 2],
  minimum: [minimum, 2],
  sqrt: [(a) => OPERATORS["**"](a, number(0.5)), 1],
  square: [(a) => OPERATORS["*"](a, a), 1],
  where: [(c, a, b) => (c[0] ? a : b), 3],
};
// From the loosest to the tightest, as in Python.
const LEVELS = [["or"], ["and"], ["<", "<=", ">", ">="], ["|"], ["&"], ["+", "-"], ["*", "/"]];
const TOKEN = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(\*\*|<=|>=|[-+*\/<>&|(),]))/y;
const WORDS = ["if", "else", "and", "or", "not", "in", "is", "lambda"];
const MARGIN = ["p", "q", "L"];
const LONGEST = 2000;

function tokens(text) {
  if (text.length > LONGEST) throw new Error(`The formula must have at most ${LONGEST} characters.`);
  const found = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new Error(`The formula must not contain ${text.slice(at).trim()[0]}`);
    const [, digits, word, sign] = match;
    if (digits !== undefined) found.push({ digits });
    else if (word !== undefined && !WORDS.includes(word)) found.push({ word });
    else found.push({ sign: sign ?? word });
  }
  return found;
}

// The names of constants of a formula, and a function that evaluates it at values.
function parseFormula(text) {
  const list = tokens(text);
  const names = new Set();
  let place = 0, depth = 0;
  const is = (...signs) => signs.includes(list[place]?.sign);
  const after = () => list[place] === undefined ? "the end" : Object.values(list[place])[0];
  const expect = (sign) => {
    if (!is(sign)) throw new Error(`The formula must have ${sign} before ${after()}.`);
    place++;
  };

  function conditional() {
    if (++depth > 100) throw new Error("The formula must have fewer brackets.");
    const yes = binary(0);
    let result = yes;
    if (is("if")) {
      place++;
      const condition = binary(0);
      expect("else");
      const no = conditional();
      result = (values) => (condition(values)[0] ? yes(values) : no(values));
    }
    depth--;
    return result;
  }

  function binary(level) {
    if (level === LEVELS.length) return unary();
    let left = binary(level + 1);
    for (let times = 0; is(...LEVELS[level]); times++) {
      const compares = LEVELS[level].includes("<");
      if (compares && times > 0) throw new Error("The formula must compare two values at a time.");
      const sign = { and: "&", or: "|" }[list[place].sign] ?? list[place].sign;
      place++;
      const [a, b] = [left, binary(level + 1)];
      left = (values) => OPERATORS[sign](a(values), b(values));
    }
    return left;
  }

  function unary() {
    if (++depth > 100) throw new Error("The formula must have fewer signs in a row.");
    let result;
    if (is("-", "+")) {
      const sign = list[place++].sign;
      const value = unary();
      result = sign === "+" ? value : (values) => OPERATORS["-"](number(0), value(values));
    } else {
      const base = atom();
      result = base;
      if (is("**")) {
        place++;
        const exponent = unary();
        result = (values) => OPERATORS["**"](base(values), exponent(values));
      }
    }
    depth--;
    return result;
  }

  function atom() {
    const token = list[place++] ?? {};
    if (token.digits !== undefined) {
      const value = number(Number(token.digits));
      return () => value;
    }
    if (token.sign === "(") {
      const value = conditional();
      expect(")");
      return value;
    }
    if (token.word === undefined) {
      place--;
      throw new Error(`The formula must have a value before ${after()}.`);
    }
    if (!is("(")) {
      if (!MARGIN.includes(token.word)) names.add(token.word);
      return (values) => values.get(token.word);
    }
    const [meaning, count] = Object.hasOwn(FUNCTIONS, token.word) ? FUNCTIONS[token.word] : [];
    if (!meaning) throw new Error(`The formula must not call ${token.word}; it may call ${Object.keys(FUNCTIONS).join(", ")}.`);
    const parts = [];
    do {
      place++;
      parts.push(conditional());
    } while (is(","));
    expect(")");
    if (parts.length !== count) throw new Error(`${token.word} must have ${count} values, got ${parts.length}.`);
    return (values) => meaning(...parts.map((part) => part(values)));
  }

  const result = conditional();
  if (place < list.length) throw new Error(`The formula must have an operator before ${after()}.`);
  return { names: [...names], evaluate: result };
}

// A formula as a loss: see docs/_ext/javascript.py for those that are shipped.
function formulaLoss(text) {
  const { names, evaluate } = parseFormula(text);
  const point = ({ margin, p, q, L }, theta) => {
    const values = new Map(names.map((name, i) => [name, number(theta[i])]));
    values.set("p", [p, p * q]).set("q", [q, -p * q]).set("L", [L, -q]);
    const [value, slope] = evaluate(values);
    return { value, slope, logSlope: Math.log(-slope) + softplus(margin) };
  };
  const parameters = names.map((name) => ({ name, value: 2, low: 0, high: 5, step: 0.1 }));
  return { parameters, point };
}

// What is wrong with a loss at these constants, or nothing: as skxent checks it.
function complaint(loss, theta) {
  const points = Array.from({ length: 81 }, (_, i) => loss.point(marginOf(i / 2 - 20), theta));
  if (!points.every(({ value, slope }) => Number.isFinite(value) && Number.isFinite(slope))) {
    return "The formula and its derivative must be finite for every p in (0, 1).";
  }
  const steepest = Math.max(...points.map(({ slope }) => Math.abs(slope)));
  if (points.some(({ slope }) => slope > 1e-9 * steepest)) return "The formula must not grow with p.";
  if (steepest === 0) return "The formula must decrease with p somewhere.";
  const middle = Math.abs(points[40].value) || 1;
  if (Math.abs(points[80].value) > 1e-3 * middle) return "The formula must vanish at p = 1.";
  return "";
}
