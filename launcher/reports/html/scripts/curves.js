// The curves, and which of them are on: what chart, legend and table share.

const NAMES = DATA.experiments;
const FEW = DATA.few; // so many experiments all have a colour
const COLOURS = 7;
const DASHES = [[], [8, 3], [2, 2.5], [9, 3, 2, 3], [5, 2]];

class Curve {
  constructor(entry) {
    this.e = entry.e;
    this.entry = entry;
    this.smoothed = {};
  }
  get steps() {
    return sharedSteps(this.entry.s);
  }
  get values() {
    return (this._values ??= unpackFloats(this.entry.v));
  }
  // The strong line: the running mean over a share of the steps; with share 0 the values.
  line(share) {
    if (!share) return {steps: this.steps, values: this.values};
    if (this.smoothed.share !== share) {
      const {ms, m, c} = this.entry;
      const means = m ? unpackFloats(m) : this.values;
      const counts = c ? unpackFloats(c) : null;
      this.smoothed = {share, steps: m ? sharedSteps(ms) : this.steps, values: runningMean(means, counts, share)};
    }
    return this.smoothed;
  }
}

// With several seeds a line is a configuration: its first experiment stands for it, in colours, switches and the table.
const CONFIGURATIONS = DATA.configurations;
const UNITS = CONFIGURATIONS ? CONFIGURATIONS.map(({e}) => e[0]) : NAMES.map((_, e) => e);
const UNIT_OF = CONFIGURATIONS ? NAMES.map(() => 0) : UNITS;
const SEEDS = new Map(); // by the experiment that stands for a configuration: its number, name and experiments
CONFIGURATIONS?.forEach(({n, e}, number) => {
  SEEDS.set(e[0], {number, name: n, members: e});
  for (const each of e) UNIT_OF[each] = e[0];
});
const NOUN = CONFIGURATIONS ? "configuration" : "experiment";
const lineName = e => SEEDS.get(e)?.name ?? NAMES[e]; // of an experiment that stands for a line
const isBad = e => (CONFIGURATIONS ? false : DATA.failed[e]); // a line that ends with a cross

const METRICS = DATA.metrics.map(metric => ({...metric, curves: metric.curves.map(entry => new Curve(entry))}));

// What the horizontal axis may be. `of` gives places for the steps of an experiment; null: not known.
const ACROSS = {
  step: {label: "step", of: (_, steps) => steps, known: () => true},
  tokens: {
    label: "training tokens",
    of: (e, steps) => alongScale("tokens", e, steps),
    known: e => DATA.scales.tokens[e],
  },
  time: {
    label: "time in seconds, attempts summed",
    of: (e, steps) => alongScale("time", e, steps),
    known: e => DATA.scales.time[e],
  },
  share: {
    label: "share of training in %",
    known: e => DATA.totals[e],
    of: (e, steps) => Float64Array.from(steps, step => (100 * step) / DATA.totals[e]),
  },
};

function alongScale(quantity, e, steps) {
  const scale = DATA.scales[quantity][e];
  scale.steps ??= unpackFloats(scale.s);
  scale.values ??= unpackFloats(scale.v);
  let place = 0;
  return Float64Array.from(steps, step => {
    while (place < scale.steps.length - 2 && scale.steps[place + 1] < step) place++;
    const [low, high] = [scale.steps[place], scale.steps[place + 1] ?? scale.steps[place]];
    const share = high > low ? Math.min(1, Math.max(0, (step - low) / (high - low))) : 0;
    return scale.values[place] + share * ((scale.values[place + 1] ?? scale.values[place]) - scale.values[place]);
  });
}

const STATE = {
  on: new Set(DATA.colours.flatMap((colour, e) => (colour === null ? [] : [e]))),
  colours: [...DATA.colours],
  withOthers: UNITS.length > FEW, // those that are off are thin and grey, not hidden
  group: null, // the place of a configuration key
  listeners: [],
};
const FIRST = [...STATE.on];

function changed() {
  for (const listener of STATE.listeners) listener();
}

// Switches these curves on, and all others off. A curve that has no colour yet gets the one that is used least.
function switchTo(experiments) {
  STATE.on = new Set(experiments);
  const used = Array(COLOURS).fill(0);
  for (const e of STATE.on) if (STATE.colours[e] !== null) used[STATE.colours[e] % COLOURS]++;
  for (const e of STATE.on) {
    if (STATE.colours[e] !== null) continue;
    const least = Math.min(...used);
    const colour = used.indexOf(least);
    STATE.colours[e] = colour + COLOURS * least;
    used[colour]++;
  }
  changed();
}

function toggle(e) {
  switchTo(STATE.on.has(e) ? [...STATE.on].filter(other => other !== e) : [...STATE.on, e]);
}

const shortName = e => (CONFIGURATIONS ? lineName(e) : (DATA.short[e] ?? NAMES[e]));

function groupOf(e) {
  return DATA.config.values[e][STATE.group];
}

const GROUPS = {}; // by the place of a key: its values, in the order of their size, each with its place

function groups() {
  return (GROUPS[STATE.group] ??= new Map(sortedValues(STATE.group).map((value, place) => [value, place])));
}

function sortedValues(key) {
  const isNumber = text => text !== "" && !isNaN(text);
  return [...new Set(DATA.config.values.map(row => row[key]))].sort((a, b) =>
    isNumber(a) && isNumber(b) ? a - b : a.localeCompare(b, undefined, {numeric: true}),
  );
}

// The colour and dash of a curve.
function look(experiment) {
  const e = UNIT_OF[experiment];
  if (STATE.group !== null) return groupLook(groups().get(groupOf(e)));
  const colour = STATE.colours[e] ?? 0;
  const dash = UNITS.length <= FEW ? (SEEDS.get(e)?.number ?? e) : Math.floor(colour / COLOURS);
  return {colour: colour % COLOURS, dash: dash % DASHES.length};
}

function groupLook(place) {
  return {colour: place % COLOURS, dash: Math.floor(place / COLOURS) % DASHES.length};
}

function swatch({colour, dash}) {
  const make = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };
  const box = make("svg", {class: "swatch", viewBox: "0 0 34 10", "aria-hidden": "true"});
  box.append(make("path", {class: `line c${colour} k${dash}`, d: "M1 5H33"}));
  return box;
}

// Makes an element. Texts become text nodes: nothing from outside is ever markup.
function element(tag, {attributes = {}, ...properties} = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

function download(name, rows) {
  const cell = value => {
    const text = value === null || value === undefined ? "" : String(value);
    // What looks like a formula to a spreadsheet gets an apostrophe, as in results_table.csv.
    const inert = /^[=+\-@]/.test(text) && isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
  };
  const content = rows.map(row => row.map(cell).join(",")).join("\n") + "\n";
  const link = element("a", {download: name, href: URL.createObjectURL(new Blob([content], {type: "text/csv"}))});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
