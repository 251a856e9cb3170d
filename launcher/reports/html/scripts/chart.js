// One chart: uPlot has axes, zoom and pointer; `painter.js` draws the lines, `pointer.js` tells their values.

class Chart {
  constructor(box, height) {
    this.box = element("div", {className: "plot", tabIndex: 0, attributes: {role: "img"}});
    box.append(this.box);
    this.height = height;
    this.lines = [];
    this.hot = null; // the experiment whose line stands out
    this.pointer = new Pointer(this);
    new ResizeObserver(() => this.resize()).observe(this.box);
  }

  // `lines`: {e, x, y, rawX, rawY}; x in order. Raw values are drawn faint behind the line, if `withRaw`.
  // `limits`: of the vertical axis; null: those that fit. `from`: where the horizontal axis begins.
  show({lines, xLabel, yLabel, isLog, limits, withRaw, from}) {
    Object.assign(this, {lines, xLabel, yLabel, isLog, limits, withRaw});
    this.quantity = xLabel.split(/,| in /)[0];
    this.box.setAttribute("aria-label", this.describe());
    const along = lines.flatMap(line => [line.x, ...(line.seeds ?? []).map(({x}) => x)]);
    const least = along.reduce((low, x) => Math.min(low, x[0] ?? from), from);
    const most = along.reduce((high, x) => Math.max(high, x[x.length - 1] ?? least), least);
    this.whole = {x: most > least ? [least, most] : [least, least + 1]};
    this.whole.y = limits ?? this.fitted(this.whole.x);
    this.view = {...this.whole};
    this.build();
  }

  // A chart of a single experiment has its curve on, whatever is on elsewhere.
  isOn(e) {
    return this.isAlone || STATE.on.has(UNIT_OF[e]);
  }

  light(e) {
    if (e === this.hot) return;
    this.hot = e;
    this.plot.redraw(false, false);
  }

  describe() {
    const named = this.lines.filter(line => this.isOn(line.e)).slice(0, 20);
    const end = line => reading(line.y.findLast(value => !Number.isNaN(value)));
    const ends = named.map(line => `${lineName(line.e)} ends at ${end(line)}`).join("; ");
    return `${this.yLabel} by ${this.xLabel}${this.isLog ? ", logarithmic" : ""}. ${ends}. Arrow keys move the pointer.`;
  }

  build() {
    this.plot?.destroy();
    readColours();
    const unit = (this.unit = unitOf(...this.view.y));
    const options = {
      width: Math.max(240, this.box.clientWidth),
      height: this.height,
      legend: {show: false},
      scales: {
        x: {time: false, auto: false, range: () => this.view.x},
        y: {auto: false, distr: this.isLog ? 3 : 1, range: () => this.view.y.map(value => value / unit)},
      },
      axes: this.axes(),
      series: [{}, {show: true, paths: () => null, points: {show: false}}], // the lines are ours
      cursor: {
        points: {show: false},
        drag: {x: true, y: true, uni: 30, setScale: false},
        bind: {dblclick: () => () => this.reset()},
      },
      hooks: {
        draw: [plot => new Painter(this, plot).draw()],
        setCursor: [plot => this.pointer.show(plot.cursor)],
        setSelect: [plot => this.zoomTo(plot)],
      },
    };
    const nothing = [[0, 1], [0, 1]]; // prettier-ignore
    this.plot = new uPlot(options, nothing, this.box);
    this.pointer.attach(this.plot);
    this.isZoomed = this.view.x !== this.whole.x || this.view.y !== this.whole.y;
    this.onZoom?.(this.isZoomed);
  }

  axes() {
    const {isLog, unit} = this;
    const font = "13px system-ui, sans-serif";
    const look = {stroke: COLOUR.text, grid: {stroke: COLOUR.rule, width: 1}, ticks: {show: false}, gap: 6};
    const axis = {...look, font, labelFont: font, labelSize: 20};
    const across = {
      label: this.xLabel,
      size: 34,
      splits: () => ticks(...this.view.x, this.box.clientWidth < 570 ? 4 : 8),
      values: (_, found) => found.map(tickLabel),
    };
    const up = {
      label: this.yLabel + (isLog ? ", logarithmic" : ""),
      size: 62,
      filter: (_, found) => found,
      splits: () => (isLog ? logTicks : ticks)(...this.view.y).map(value => value / unit),
      values: (_, found) => found.map(value => tickLabel(value * unit)),
    };
    return [
      {...axis, ...across},
      {...axis, ...up},
    ];
  }

  resize() {
    const width = this.box.clientWidth;
    if (this.plot && width && this.plot.width !== width) this.plot.setSize({width, height: this.height});
  }

  // The vertical limits that fit what lies within a stretch of x.
  fitted([first, last]) {
    const on = this.lines.filter(line => this.isOn(line.e));
    let low = Infinity;
    let high = -Infinity;
    const take = (x, y) => {
      for (let place = 0; place < x.length; place++) {
        const value = y[place];
        if (x[place] < first || x[place] > last || !(this.isLog ? value > 0 : value === value)) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    };
    for (const line of on.length ? on : this.lines) {
      take(line.x, line.y);
      for (const seed of line.seeds ?? []) take(seed.x, seed.y);
      if (this.withRaw) take(line.rawX, line.rawY);
    }
    if (low > high) return this.limits ?? (this.isLog ? [0.1, 1] : [0, 1]);
    if (this.isLog) {
      const factor = high > low ? (high / low) ** 0.04 : 1.1;
      return [low / factor, high * factor];
    }
    const margin = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
    return [low - margin, high + margin];
  }

  zoomTo(plot) {
    const {left, top, width, height} = plot.select;
    const hasX = width >= 3 && width < plot.over.clientWidth - 1;
    const hasY = height >= 3 && height < plot.over.clientHeight - 2;
    if (!hasX && !hasY) return; // a click
    const x = hasX ? [left, left + width].map(place => plot.posToVal(place, "x")) : this.view.x;
    const y = hasY ? [top + height, top].map(place => plot.posToVal(place, "y") * this.unit) : this.fitted(x);
    this.view = {x, y};
    this.build();
  }

  reset() {
    this.view = {...this.whole};
    this.build();
  }
}

// uPlot has no axis for very large and very small values: it gets them in this unit.
function unitOf(low, high) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  return size > 1e12 || high - low < 1e-6 ? 10 ** Math.floor(Math.log10(size)) : 1;
}
