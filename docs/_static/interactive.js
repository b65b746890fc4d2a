// The page of docs/interactive.html: a loss of one row of logits, as skxent has it.
// tests/test_interactive.py compares the numbers with the package's.
"use strict";

const element = (id) => document.getElementById(id);
const controls = () => [...document.querySelectorAll("#controls [name]")];
const control = (name) => controls().find((c) => c.name === name);
const OWN = "formula";

// The loss that is chosen; if the formula is wrong, an error is thrown.
function chosen() {
  const name = control("loss").value;
  return name === OWN ? formulaLoss(control("formula").value) : LOSSES[name];
}

// A slider for each parameter of the loss; those of the same name keep their values.
function makeSliders(loss) {
  const before = Object.fromEntries(controls().map((c) => [c.name, c.value]));
  element("parameters").replaceChildren(...loss.parameters.map((parameter) => {
    const { name, value, low, high, step } = parameter;
    const label = document.createElement("label");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step });
    slider.name = `loss__${name}`;
    slider.value = before[slider.name] ?? value;
    label.append(`${name} `, slider, document.createElement("output"));
    return label;
  }));
}

function setting() {
  const at = Object.fromEntries(controls().map((c) => [c.name, Number(c.value)]));
  const loss = chosen();
  const theta = loss.parameters.map(({ name }) => at[`loss__${name}`]);
  const { y, eps } = at;
  return { z: [at.z0, at.z1, at.z2], y, eps, w: [at.w0, at.w1, at.w2], loss, theta };
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
  const lossAt = (x, loss) =>
    evaluate({ ...at, loss, z: at.z.map((value, k) => (k === at.y ? x : value)) }).loss;
  const xs = Array.from({ length: 121 }, (_, i) => low + ((high - low) * i) / 120);
  const curve = xs.map((x) => lossAt(x, at.loss));
  const plain = xs.map((x) => lossAt(x, LOSSES.cross_entropy));
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
    <circle class="here" r="5" cx="${X(x)}" cy="${Y(lossAt(x, at.loss))}"/>
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

// Draw everything again, or say what is wrong with the formula.
function update() {
  for (const c of controls()) {
    const output = c.parentElement.querySelector("output");
    if (output) output.textContent = c.value;
  }
  element("own").hidden = control("loss").value !== OWN;
  let at, wrong;
  try {
    at = setting();
    wrong = complaint(at.loss, at.theta);
  } catch (error) {
    wrong = error.message;
  }
  element("complaint").textContent = wrong;
  if (wrong) return;
  const found = evaluate(at);
  const loss = element("loss");
  loss.textContent = show(found.loss);
  loss.dataset.value = found.loss;
  element("numbers").innerHTML = at.z
    .map((_, k) =>
      `<tr><th>${k}</th>${cell(found.gradient[k])}${cell(found.softmax[k])}${cell(found.posterior[k])}</tr>`)
    .join("");
  drawCurve(at);
  drawBars(found);
}

// Another loss or formula has other parameters.
function changeLoss() {
  try {
    makeSliders(chosen());
  } catch {
    // The formula is not finished; update says what is wrong with it.
  }
}

function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const set = (c) => {
    if (given.has(c.name)) c.value = given.get(c.name);
  };
  controls().forEach(set);
  changeLoss();
  controls().forEach(set); // its parameters
  update();
}

control("loss").append(
  ...Object.entries(LOSSES).map(([name, { title }]) => new Option(title, name, false, name === "focal")),
  new Option("formula of your own", OWN));
element("controls").addEventListener("input", ({ target }) => {
  if (target.name === "loss" || target.name === "formula") changeLoss();
  const all = controls().map((c) => [c.name, c.value]);
  history.replaceState(null, "", `#${new URLSearchParams(all)}`);
  update();
});
window.addEventListener("hashchange", fromAddress);
fromAddress();
