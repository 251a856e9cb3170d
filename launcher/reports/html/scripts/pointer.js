// What lies under the pointer of a chart: the nearest line, and the values of all that are on.

const MOST_TOLD = 9; // lines at a time

class Pointer {
  constructor(chart) {
    this.chart = chart;
    this.tip = element("div", {className: "tip", hidden: true, attributes: {role: "status"}});
    this.pressed = [0, 0]; // where a button of the mouse went down
    const {box} = chart;
    box.addEventListener("keydown", event => this.onKey(event));
    box.addEventListener("mouseleave", () => this.show(null));
    box.addEventListener("pointerdown", event => this.onPress(event), true);
    box.addEventListener("click", event => this.onClick(event));
  }

  // The plot is a new one.
  attach(plot) {
    this.plot = plot;
    plot.over.append(this.tip);
    this.tip.hidden = true;
  }

  show(cursor) {
    const near = cursor && cursor.left >= 0 ? this.nearest(cursor.left, cursor.top) : null;
    this.chart.light(near?.line.e ?? null);
    this.tip.hidden = !near;
    if (!near) return;
    const x = near.line.rawX[near.place];
    const head = element("td", {textContent: `${this.chart.quantity} ${roundly(x)}`, colSpan: 3});
    const rows = [element("tr", {}, head), ...this.rowsAt(x, near.line)];
    this.tip.replaceChildren(element("table", {}, element("tbody", {}, ...rows)));
    this.moveTo(cursor.left, cursor.top);
  }

  moveTo(left, top) {
    const {clientWidth: width, clientHeight: height} = this.plot.over;
    Object.assign(this.tip.style, {
      left: left > width / 2 ? "" : `${left + 14}px`,
      right: left > width / 2 ? `${width - left + 14}px` : "",
      top: top < height / 2 ? `${top + 14}px` : "",
      bottom: top < height / 2 ? "" : `${height - top + 14}px`,
    });
  }

  // A row for each line that is on and goes as far as x, in the order in which they lie; the nearest is among them.
  rowsAt(x, nearest) {
    const {chart} = this;
    const isThere = line => chart.isOn(line.e) && line !== nearest && x <= line.rawX[line.rawX.length - 1];
    const found = [nearest, ...chart.lines.filter(isThere)].map(line => ({
      line,
      value: line.rawY[closest(line.rawX, x)],
      mean: line.y[closest(line.x, x)],
    }));
    found.sort((a, b) => b.mean - a.mean);
    const near = found.findIndex(row => row.line === nearest);
    const from = Math.max(0, Math.min(near - 4, found.length - MOST_TOLD));
    return found.slice(from, from + MOST_TOLD).map(({line, value, mean}) => {
      const hasColour = chart.isOn(line.e) || STATE.group !== null;
      const told = line.told ? this.ofSeeds(line, x) : "";
      const ofOne = line.y === line.rawY ? reading(value) : `${reading(value)}, mean ${reading(mean)}`;
      return element(
        "tr",
        {className: line === nearest ? "near" : ""},
        element("td", {}, swatch(hasColour ? look(line.e) : {colour: 0, dash: 0})),
        element("td", {textContent: shortName(line.e)}),
        element("td", {className: "number", textContent: told || ofOne}),
      );
    });
  }

  // A mean over seeds at x, with half of its interval.
  ofSeeds(line, x) {
    const place = closest(line.x, x);
    const margin = line.high ? ` ± ${reading(line.high[place] - line.y[place])}` : "";
    return `${reading(line.y[place])}${margin}, ${line.told}`;
  }

  nearest(left, top) {
    const {chart, plot} = this;
    const mapping = this.mapping();
    const x = plot.posToVal(left, "x");
    let best = null;
    let least = Infinity;
    for (const line of chart.lines) {
      const isOn = chart.isOn(line.e);
      if (!line.x.length || (!isOn && !STATE.withOthers)) continue;
      const place = closest(line.x, x);
      if (!mapping.has(line.y[place])) continue;
      // A line that is on counts as a little nearer than a thin one.
      const far = Math.hypot((mapping.x(line.x[place]) - left) / 3, mapping.y(line.y[place]) - top) - (isOn ? 6 : 0);
      if (far < least) {
        least = far;
        best = {line, place: closest(line.rawX, x)};
      }
    }
    return best;
  }

  // Of values to places in the plot.
  mapping() {
    const {clientWidth: width, clientHeight: height} = this.plot.over;
    return new Mapping(this.chart.view, this.chart.isLog, {left: 0, top: 0, width, height});
  }

  onPress(event) {
    this.pressed = [event.clientX, event.clientY];
  }

  // A click on a thin line switches it on: not the end of a drag, and not the first half of a double click.
  onClick(event) {
    clearTimeout(this.clicked);
    const e = this.chart.hot;
    const moved = Math.hypot(event.clientX - this.pressed[0], event.clientY - this.pressed[1]);
    if (e === null || this.chart.isOn(e) || moved > 4 || event.detail > 1) return;
    this.clicked = setTimeout(() => switchTo([...STATE.on, e]), 250);
  }

  onKey(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10}[event.key];
    const line = this.chart.lines.find(each => this.chart.isOn(each.e)) ?? this.chart.lines[0];
    if (!step || !line) return;
    event.preventDefault();
    const width = this.plot.over.clientWidth;
    const left = Math.max(0, Math.min(width, Math.max(0, this.plot.cursor.left) + (step * width) / 100));
    const value = line.y[closest(line.x, this.plot.posToVal(left, "x"))];
    this.plot.setCursor({left, top: this.mapping().y(value)});
  }
}

// The place of the number in a sorted list that is closest to a value.
function closest(sorted, value) {
  let low = 0;
  let high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle;
    else high = middle;
  }
  return Math.abs(sorted[high] - value) < Math.abs(value - sorted[low]) ? high : low;
}

function roundly(x) {
  return x >= 100 ? Math.round(x).toLocaleString("en") : reading(x);
}
