// One chart: uPlot has axes, zoom and pointer; the lines are drawn here, each with its own places along x.

// The colours of the style sheet; asked for once a drawing, since asking is slow.
const COLOUR = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["rule", "text", "other", "c0", "c1", "c2", "c3", "c4", "c5", "c6"]) COLOUR[name] = style.getPropertyValue(`--${name}`).trim();
}

const css = name => COLOUR[name];
const MOST_GREY = 80000; // points of all thin lines together

class Chart {
  // `lines`: {e, x, y, rawX, rawY}; x in order. Raw values are drawn faint behind the line, if `withRaw`.
  constructor(box, height) {
    this.box = element("div", {className: "plot", tabIndex: 0, attributes: {role: "img"}});
    this.tip = element("div", {className: "tip", hidden: true, attributes: {role: "status"}});
    box.append(this.box);
    this.height = height;
    this.lines = [];
    this.hot = null; // the experiment whose line is under the pointer
    this.pressed = [0, 0]; // where a button of the mouse went down
    this.box.addEventListener("keydown", event => this.onKey(event));
    this.box.addEventListener("mouseleave", () => this.point(null));
    this.box.addEventListener("pointerdown", event => { this.pressed = [event.clientX, event.clientY]; }, true);
    this.box.addEventListener("click", event => this.onClick(event));
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  show({lines, xLabel, yLabel, isLog, limits, withRaw, from}) {
    Object.assign(this, {lines, xLabel, yLabel, isLog, limits, withRaw});
    this.box.setAttribute("aria-label", this.describe());
    const bounds = this.lines.flatMap(({x}) => x.length ? [x[0], x[x.length - 1]] : []);
    const reduced = bounds.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [from, -Infinity]);
    this.whole = {x: reduced[1] > reduced[0] ? reduced : [reduced[0], reduced[0] + 1]};
    this.whole.y = limits ?? this.fitted(this.whole.x);
    this.view = {...this.whole};
    this.build();
  }

  // A chart of a single experiment has its curve on, whatever is on elsewhere.
  isOn(e) { return this.isAlone || STATE.on.has(e); }

  describe() {
    const named = this.lines.filter(line => this.isOn(line.e)).slice(0, 20);
    const ends = named.map(line => `${NAMES[line.e]} ends at ${reading(line.y.findLast(value => !Number.isNaN(value)))}`);
    return `${this.yLabel} by ${this.xLabel}. ${ends.join("; ")}. Arrow keys move the pointer.`;
  }

  build() {
    this.plot?.destroy();
    readColours();
    const {isLog} = this, unit = this.unit = unitOf(...this.view.y), grid = {stroke: css("rule"), width: 1}, font = "13px system-ui, sans-serif";
    const axis = {stroke: css("text"), grid, ticks: {show: false}, font, labelFont: font, labelSize: 20, gap: 6};
    const options = {
      width: Math.max(240, this.box.clientWidth), height: this.height,
      legend: {show: false},
      scales: {x: {time: false, auto: false, range: () => this.view.x}, y: {auto: false, distr: isLog ? 3 : 1, range: () => this.view.y.map(value => value / unit)}},
      axes: [
        {...axis, label: this.xLabel, size: 34, splits: () => ticks(...this.view.x, this.plotWidth() < 500 ? 4 : 8), values: (_, found) => found.map(tickLabel)},
        {...axis, label: this.yLabel + (isLog ? ", logarithmic" : ""), size: 62, filter: (_, found) => found,
          splits: () => (isLog ? logTicks : ticks)(...this.view.y).map(value => value / unit), values: (_, found) => found.map(value => tickLabel(value * unit))},
      ],
      series: [{}, {show: true, paths: () => null, points: {show: false}}],
      cursor: {points: {show: false}, drag: {x: true, y: true, uni: 30, setScale: false}, bind: {dblclick: () => () => this.reset()}},
      hooks: {
        draw: [plot => this.draw(plot)],
        setCursor: [plot => this.point(plot.cursor)],
        setSelect: [plot => this.zoomTo(plot)],
      },
    };
    this.plot = new uPlot(options, [[0, 1], [0, 1]], this.box);
    this.plot.over.append(this.tip);
    this.tip.hidden = true;
    this.isZoomed = this.view.x !== this.whole.x || this.view.y !== this.whole.y;
    this.onZoom?.(this.isZoomed);
  }

  plotWidth() { return this.box.clientWidth - 70; }

  resize() {
    if (this.plot && this.box.clientWidth && this.plot.width !== this.box.clientWidth) {
      this.plot.setSize({width: this.box.clientWidth, height: this.height});
    }
  }

  // The vertical limits that fit what lies within a stretch of x.
  fitted([low, high]) {
    const shown = this.lines.some(line => this.isOn(line.e)) ? this.lines.filter(line => this.isOn(line.e)) : this.lines;
    let least = Infinity, most = -Infinity;
    for (const line of shown) {
      for (const [x, y] of this.withRaw ? [[line.x, line.y], [line.rawX, line.rawY]] : [[line.x, line.y]]) {
        for (let place = 0; place < x.length; place++) {
          const value = y[place];
          if (x[place] >= low && x[place] <= high && (this.isLog ? value > 0 : value === value)) {
            if (value < least) least = value;
            if (value > most) most = value;
          }
        }
      }
    }
    if (least > most) return this.limits ?? (this.isLog ? [0.1, 1] : [0, 1]);
    if (this.isLog) {
      const factor = most > least ? (most / least) ** 0.04 : 1.1;
      return [least / factor, most * factor];
    }
    const margin = (most - least) * 0.04 || Math.abs(most) * 0.1 || 1;
    return [least - margin, most + margin];
  }

  zoomTo(plot) {
    const {left, top, width, height} = plot.select;
    const isTall = height >= plot.over.clientHeight - 2, isWide = width >= plot.over.clientWidth - 1;
    const hasX = width >= 3 && !isWide, hasY = height >= 3 && !isTall;
    if (!hasX && !hasY) return; // a click
    const x = hasX ? [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")] : this.view.x;
    this.view = {x, y: !hasY ? this.fitted(x) : [top + height, top].map(place => plot.posToVal(place, "y") * this.unit)};
    this.build();
  }

  reset() {
    this.view = {...this.whole};
    this.build();
  }

  draw(plot) {
    const {ctx, bbox} = plot, ratio = devicePixelRatio, [x0, x1] = this.view.x, [y0, y1] = this.view.y.map(value => this.isLog ? Math.log10(value) : value);
    const kx = bbox.width / (x1 - x0), ky = bbox.height / (y1 - y0), bottom = bbox.top + bbox.height;
    const atX = value => bbox.left + (value - x0) * kx;
    const atY = value => bottom - ((this.isLog ? Math.log10(value) : value) - y0) * ky;
    this.place = {atX: value => (value - x0) * kx / ratio, atY: value => (bottom - bbox.top) / ratio - ((this.isLog ? Math.log10(value) : value) - y0) * ky / ratio};
    const path = (x, y, stride = 1) => {
      let isOpen = false;
      for (let place = 0; place < x.length; place += stride) {
        if (this.isLog ? !(y[place] > 0) : Number.isNaN(y[place])) { isOpen = false; continue; }
        const across = atX(x[place]), up = Math.max(-1e5, Math.min(1e5, atY(y[place])));
        if (isOpen) ctx.lineTo(across, up);
        else { ctx.moveTo(across, up); if (x.length === 1 || place === x.length - 1) ctx.lineTo(across + ratio, up); }
        isOpen = true;
      }
    };
    const stroke = (colour, width, alpha, dash, trace) => {
      ctx.beginPath();
      ctx.strokeStyle = colour; ctx.lineWidth = width * ratio; ctx.globalAlpha = alpha; ctx.setLineDash(dash.map(part => part * ratio));
      trace();
      ctx.stroke();
    };
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.lineJoin = "round";
    const off = STATE.withOthers ? this.lines.filter(line => !this.isOn(line.e)) : [];
    const on = this.lines.filter(line => this.isOn(line.e));
    const num = off.reduce((sum, line) => sum + line.x.length, 0), stride = Math.max(1, Math.ceil(num / MOST_GREY));
    if (STATE.group === null) stroke(css("other"), .7, .5, [], () => off.forEach(line => path(line.x, line.y, stride)));
    else off.forEach(line => { const {colour} = look(line.e); stroke(css(`c${colour}`), .7, .4, [], () => path(line.x, line.y, stride)); });
    if (this.withRaw) on.forEach(line => stroke(css(`c${look(line.e).colour}`), .8, .3, [], () => path(line.rawX, line.rawY)));
    for (const line of on) {
      const {colour, dash} = look(line.e), paint = css(`c${colour}`);
      stroke(paint, line.e === this.hot ? 2.8 : 1.8, this.hot === null || line.e === this.hot ? 1 : .55, DASHES[dash], () => path(line.x, line.y));
      this.mark(line, paint, ctx, atX, atY, bbox, stroke);
    }
    const hot = off.find(line => line.e === this.hot);
    if (hot) stroke(css("text"), 2, 1, [], () => path(hot.x, hot.y));
    ctx.restore();
  }

  // A cross where a failed experiment ends, an arrow where a curve leaves the axis.
  mark(line, paint, ctx, atX, atY, bbox, stroke) {
    const ratio = devicePixelRatio, size = 4 * ratio;
    const end = line.y.findLastIndex(value => this.isLog ? value > 0 : value === value);
    if (end < 0) return;
    const x = atX(line.x[end]), y = Math.max(bbox.top + size, Math.min(bbox.top + bbox.height - size, atY(line.y[end])));
    if (DATA.failed[line.e]) {
      stroke(paint, 1.8, 1, [], () => { ctx.moveTo(x - size, y - size); ctx.lineTo(x + size, y + size); ctx.moveTo(x + size, y - size); ctx.lineTo(x - size, y + size); });
    }
    const above = line.y.findIndex((value, place) => value > this.view.y[1] && line.x[place] >= this.view.x[0]);
    if (above >= 0 && line.x[above] <= this.view.x[1]) {
      const left = atX(line.x[above]), top = bbox.top + ratio;
      ctx.beginPath(); ctx.fillStyle = paint; ctx.globalAlpha = 1;
      ctx.moveTo(left, top); ctx.lineTo(left + size, top + 2 * size); ctx.lineTo(left - size, top + 2 * size); ctx.fill();
    }
  }

  // What lies under the pointer: the nearest line, and the values of all that are on.
  point(cursor) {
    const {left, top} = cursor ?? {left: -1};
    const near = left >= 0 ? this.nearest(left, top) : null;
    const hot = near?.line.e ?? null;
    if (hot !== this.hot) { this.hot = hot; this.plot.redraw(false, false); }
    this.tip.hidden = !near;
    if (!near) return;
    const x = near.line.rawX[near.place], rows = this.rowsAt(x, near.line);
    const head = element("tr", {}, element("td", {textContent: `${this.xLabel.split(/,| in /)[0]} ${x >= 100 ? Math.round(x).toLocaleString("en") : reading(x)}`, colSpan: 3}));
    this.tip.replaceChildren(element("table", {}, element("tbody", {}, head, ...rows)));
    const isRight = left > this.plot.over.clientWidth / 2;
    Object.assign(this.tip.style, {
      left: isRight ? "" : `${left + 14}px`, right: isRight ? `${this.plot.over.clientWidth - left + 14}px` : "",
      top: top < this.height / 2 ? `${top + 14}px` : "", bottom: top < this.height / 2 ? "" : `${this.plot.over.clientHeight - top + 14}px`,
    });
  }

  rowsAt(x, nearest) {
    const others = this.lines.filter(line => this.isOn(line.e) && line !== nearest && x <= line.rawX[line.rawX.length - 1]);
    const at = line => ({line, value: line.rawY[closest(line.rawX, x)], mean: line.y[closest(line.x, x)]});
    const rows = [nearest, ...others].map(at).sort((a, b) => b.mean - a.mean);
    const near = rows.findIndex(row => row.line === nearest), from = Math.max(0, Math.min(near - 4, rows.length - 9));
    return rows.slice(from, from + 9).map(({line, value, mean}) => element("tr", {className: line === nearest ? "near" : ""},
      element("td", {}, swatch(this.isOn(line.e) || STATE.group !== null ? look(line.e) : {colour: 0, dash: 0})),
      element("td", {textContent: shortName(line.e)}),
      element("td", {className: "number", textContent: reading(value) + (line.y === line.rawY ? "" : `, mean ${reading(mean)}`)})));
  }

  nearest(left, top) {
    let best = null, least = Infinity;
    for (const line of this.lines) {
      const isOn = this.isOn(line.e);
      if (!line.x.length || (!isOn && !STATE.withOthers)) continue;
      const x = this.plot.posToVal(left, "x"), place = closest(line.x, x), value = line.y[place];
      if (this.isLog ? !(value > 0) : Number.isNaN(value)) continue;
      // A line that is on counts as a little nearer than a thin one.
      const far = Math.hypot((this.place.atX(line.x[place]) - left) / 3, this.place.atY(value) - top) - (isOn ? 6 : 0);
      if (far < least) { least = far; best = {line, place: closest(line.rawX, x)}; }
    }
    return best;
  }

  // A click on a thin line switches it on: not the end of a drag, and not the first half of a double click.
  onClick(event) {
    clearTimeout(this.clicked);
    const e = this.hot, moved = Math.hypot(event.clientX - this.pressed[0], event.clientY - this.pressed[1]);
    if (e === null || this.isOn(e) || moved > 4 || event.detail > 1) return;
    this.clicked = setTimeout(() => switchTo([...STATE.on, e]), 250);
  }

  onKey(event) {
    const width = this.plot.over.clientWidth, {left} = this.plot.cursor;
    const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10}[event.key];
    if (!step) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(width, (left >= 0 ? left : 0) + step * width / 100));
    const first = this.lines.find(line => this.isOn(line.e)) ?? this.lines[0];
    if (first) this.plot.setCursor({left: to, top: this.place.atY(first.y[closest(first.x, this.plot.posToVal(to, "x"))])});
  }
}

// uPlot has no axis for very large and very small values: it gets them in this unit.
function unitOf(low, high) {
  const size = Math.max(Math.abs(low), Math.abs(high)), length = high - low;
  return size > 1e12 || length < 1e-6 ? 10 ** Math.floor(Math.log10(size)) : 1;
}

function closest(sorted, value) {
  let low = 0, high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle;
    else high = middle;
  }
  return Math.abs(sorted[high] - value) < Math.abs(value - sorted[low]) ? high : low;
}
