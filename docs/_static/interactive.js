// The page of docs/interactive.html: focal loss of one row of logits, as skxent has it.
// tests/test_interactive.py compares the numbers with the package's.
"use strict";

// log(1 + exp(x)) without overflow
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function logSumExp(values) {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, v) => sum + Math.exp(v - most), 0));
}

// φ, φ' and log(-φ'/q) of focal loss at a margin
function focal(gamma, margin) {
  const [L, logQ] = [softplus(-margin), -softplus(margin)];
  const [p, q] = [Math.exp(-L), Math.exp(logQ)];
  const factor = Math.exp(gamma * logQ);
  // q + γ p L as a sum of positive terms, for the logarithm relative to q:
  // far right both are about exp(-m), and L / q goes to 1.
  const ratio = q > 0 ? L / q : 1;
  return {
    value: factor * L,
    slope: -factor * (q + gamma * p * L),
    logSlope: gamma * logQ + Math.log1p(gamma * p * ratio),
  };
}

function evaluate({ z, y, gamma, eps, w }) {
  const classes = z.map((_, k) => k);
  const others = classes.map((c) => logSumExp(z.filter((_, k) => k !== c)));
  const margins = z.map((value, c) => value - others[c]);
  const points = margins.map((m) => focal(gamma, m));
  const target = classes.map((c) => w[y] * ((1 - eps) * (c === y) + eps / z.length));
  const loss = classes.reduce((sum, c) => sum + target[c] * points[c].value, 0);
  const gradient = classes.map((k) =>
    classes.reduce((sum, c) => {
      const v = c === k ? 1 : -Math.exp(z[k] - others[c]);
      return sum + target[c] * points[c].slope * v;
    }, 0));
  const total = logSumExp(z);
  const logSoftmax = z.map((value) => value - total);
  // η: first the loss, then smoothing, then the weights
  const raw = logSoftmax.map((value, k) => value - points[k].logSlope);
  const tau = raw.map((value) => Math.exp(value - logSumExp(raw)));
  const pi = tau.map((t) => Math.max(t - eps / z.length, t / 100));
  const eta = pi.map((value, k) => value / w[k]);
  const sum = eta.reduce((a, b) => a + b, 0);
  return {
    loss, gradient,
    softmax: logSoftmax.map(Math.exp),
    posterior: eta.map((value) => value / sum),
  };
}

const controls = document.querySelectorAll("#controls [name]");

function setting() {
  const at = Object.fromEntries([...controls].map((c) => [c.name, Number(c.value)]));
  const { y, gamma, eps } = at;
  return { z: [at.z0, at.z1, at.z2], y, gamma, eps, w: [at.w0, at.w1, at.w2] };
}

function show(value) {
  return Math.abs(value) < 1e-4 && value !== 0 ? value.toExponential(2) : value.toFixed(4);
}

// Exact numbers beside the rounded ones, for the test and the curious.
const cell = (value) => `<td data-value="${value}" title="${value}">${show(value)}</td>`;

// A round number of which two to five make up the whole
function step(whole) {
  const unit = 10 ** Math.floor(Math.log10(whole / 2));
  return unit * [5, 2, 1].find((m) => m * unit <= whole / 2);
}

function drawCurve(at) {
  const [low, high] = [-10, 10];
  const lossAt = (x, gamma) =>
    evaluate({ ...at, gamma, z: at.z.map((value, k) => (k === at.y ? x : value)) }).loss;
  const xs = Array.from({ length: 121 }, (_, i) => low + ((high - low) * i) / 120);
  const curve = xs.map((x) => lossAt(x, at.gamma));
  const plain = xs.map((x) => lossAt(x, 0));
  const top = Math.max(...plain, ...curve, 1e-9);
  const X = (x) => 30 + ((x - low) / (high - low)) * 320;
  const Y = (value) => 205 - (value / top) * 185;
  const path = (values) =>
    values.map((v, i) => `${i ? "L" : "M"}${X(xs[i]).toFixed(1)} ${Y(v).toFixed(1)}`).join("");
  const x = Math.min(high, Math.max(low, at.z[at.y]));
  const by = step(top);
  const ticks = Array.from({ length: Math.floor(top / by) + 1 }, (_, i) => Number((i * by).toPrecision(2)));
  document.getElementById("curve").innerHTML = `
    <path class="axis" fill="none" d="M30 15V205H350"/>
    <path class="plain" d="${path(plain)}"/>
    <path class="curve" d="${path(curve)}"/>
    <circle class="here" r="5" cx="${X(x)}" cy="${Y(lossAt(x, at.gamma))}"/>
    <text x="34" y="12">loss in nats; dashed: cross-entropy</text>
    ${ticks.map((t) => `<text x="26" y="${Y(t) + 4}" text-anchor="end">${t}</text>`).join("")}
    ${[-10, -5, 0, 5, 10].map((t) => `<text x="${X(t)}" y="219" text-anchor="middle">${t}</text>`).join("")}
    <text x="190" y="235" text-anchor="middle">logit of the label</text>`;
}

function drawBars({ softmax, posterior, gradient }) {
  const most = Math.max(1, ...gradient.map(Math.abs));
  const rows = [["softmax", softmax, 1], ["posterior", posterior, 1], ["gradient", gradient, most]];
  const bars = rows.flatMap(([name, values, scale], row) =>
    values.map((value, k) => {
      const [width, y] = [(Math.abs(value) / scale) * 125, 20 + k * 70 + row * 18];
      return `<rect class="${name}" x="${value < 0 ? 205 - width : 205}" y="${y}" width="${width}" height="14"/>
        <text x="2" y="${y + 11}">${row === 1 ? `class ${k}` : ""}</text>`;
    }));
  const legend = rows.map(([name, , scale], i) =>
    `<rect class="${name}" x="${40 + i * 95}" y="226" width="10" height="10"/>
     <text x="${54 + i * 95}" y="235">${name}${scale > 1 ? ` / ${scale.toFixed(1)}` : ""}</text>`);
  const ticks = [-1, -0.5, 0, 0.5, 1].map((t) =>
    `<path class="axis" d="M${205 + t * 125} 12V${t ? 16 : 218}"/>
     <text x="${205 + t * 125}" y="9" text-anchor="middle">${t}</text>`);
  document.getElementById("bars").innerHTML = [...ticks, ...bars, ...legend].join("");
}

function update() {
  const at = setting();
  const found = evaluate(at);
  for (const control of controls) {
    const output = control.parentElement.querySelector("output");
    if (output) output.textContent = control.value;
  }
  const loss = document.getElementById("loss");
  loss.textContent = show(found.loss);
  loss.dataset.value = found.loss;
  document.getElementById("numbers").innerHTML = at.z
    .map((_, k) =>
      `<tr><th>${k}</th>${cell(found.gradient[k])}${cell(found.softmax[k])}${cell(found.posterior[k])}</tr>`)
    .join("");
  drawCurve(at);
  drawBars(found);
}

function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const control of controls) {
    if (given.has(control.name)) control.value = given.get(control.name);
  }
  update();
}

for (const control of controls) {
  control.addEventListener("input", () => {
    const all = [...controls].map((c) => [c.name, c.value]);
    history.replaceState(null, "", `#${new URLSearchParams(all)}`);
    update();
  });
}
window.addEventListener("hashchange", fromAddress);
fromAddress();
