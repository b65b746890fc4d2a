// The numbers of one row of logits, as skxent computes them.
"use strict";

// log(1 + exp(x)) without overflow
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function logSumExp(values) {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, v) => sum + Math.exp(v - most), 0));
}

// What formulas are of. Far right L and q are both about exp(-m), and L / q goes to 1.
function marginOf(margin) {
  const [L, logQ] = [softplus(-margin), -softplus(margin)];
  const q = Math.exp(logQ);
  return { margin, L, logQ, p: Math.exp(-L), q, ratio: q > 0 ? L / q : 1 };
}

// Where φ is constant log(-φ'/q) is not infinite, as in skxent.
const OUT_OF_REACH = -1e4;

// A row of logits z with label y, smoothing eps and weights w of the classes; of the loss
// point gives φ, φ' and log(-φ'/q) at a margin.
function evaluate({ z, y, eps, w, loss, theta }) {
  const classes = z.map((_, k) => k);
  const others = classes.map((c) => logSumExp(z.filter((_, k) => k !== c)));
  const points = z.map((value, c) => loss.point(marginOf(value - others[c]), theta));
  const target = classes.map((c) => w[y] * ((1 - eps) * (c === y) + eps / z.length));
  const value = classes.reduce((sum, c) => sum + target[c] * points[c].value, 0);
  const gradient = classes.map((k) =>
    classes.reduce((sum, c) => {
      const v = c === k ? 1 : -Math.exp(z[k] - others[c]);
      return sum + target[c] * points[c].slope * v;
    }, 0));
  const total = logSumExp(z);
  const logSoftmax = z.map((value) => value - total);
  // η: first the loss, then smoothing, then the weights
  const raw = logSoftmax.map((value, k) => value - Math.max(points[k].logSlope, OUT_OF_REACH));
  const tau = raw.map((value) => Math.exp(value - logSumExp(raw)));
  const pi = tau.map((t) => Math.max(t - eps / z.length, t / 100));
  const eta = pi.map((value, k) => value / w[k]);
  const sum = eta.reduce((a, b) => a + b, 0);
  return {
    loss: value, gradient,
    softmax: logSoftmax.map(Math.exp),
    posterior: eta.map((value) => value / sum),
  };
}
