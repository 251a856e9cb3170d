// Draws the lines of a chart on its canvas, each with its own places along x.

const MOST_GREY = 80000; // points of all thin lines together
const COLOUR = {}; // of the style sheet, by name; read once a drawing, since asking is slow

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["rule", "text", "other", "c0", "c1", "c2", "c3", "c4", "c5", "c6"]) {
    COLOUR[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

// Maps values to places in a box: {left, top, width, height}.
class Mapping {
  constructor({x, y}, isLog, box) {
    this.along = isLog ? Math.log10 : value => value;
    const [low, high] = y.map(this.along);
    this.isLog = isLog;
    this.box = box;
    this.left = x[0];
    this.low = low;
    this.across = box.width / (x[1] - x[0]);
    this.up = box.height / (high - low);
  }

  x(value) {
    return this.box.left + (value - this.left) * this.across;
  }

  y(value) {
    return this.box.top + this.box.height - (this.along(value) - this.low) * this.up;
  }

  // A value without a place is a gap.
  has(value) {
    return this.isLog ? value > 0 : !Number.isNaN(value);
  }
}

class Painter {
  constructor(chart, {ctx, bbox}) {
    this.chart = chart;
    this.ctx = ctx;
    this.box = bbox;
    this.ratio = devicePixelRatio;
    this.mapping = new Mapping(chart.view, chart.isLog, bbox);
  }

  draw() {
    const {ctx, box, chart} = this;
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.left, box.top, box.width, box.height);
    ctx.clip();
    ctx.lineJoin = "round";
    const off = STATE.withOthers ? chart.lines.filter(line => !chart.isOn(line.e)) : [];
    const on = chart.lines.filter(line => chart.isOn(line.e));
    this.drawThin(off);
    if (chart.withRaw) {
      for (const line of on) {
        this.stroke(COLOUR[`c${look(line.e).colour}`], 0.8, 0.3, [], () => this.trace(line.rawX, line.rawY));
      }
    }
    if (STATE.on.size <= FEW) for (const line of on) this.drawSeeds(line);
    for (const line of on) this.drawStrong(line);
    const hot = off.find(line => line.e === chart.hot);
    if (hot) this.stroke(COLOUR.text, 2, 1, [], () => this.trace(hot.x, hot.y));
    ctx.restore();
  }

  // The lines that stand back: grey, or in the colours of their groups.
  drawThin(lines) {
    const num = lines.reduce((sum, line) => sum + line.x.length, 0);
    const stride = Math.max(1, Math.ceil(num / MOST_GREY));
    const trace = line => this.trace(line.x, line.y, stride);
    if (STATE.group === null) {
      this.stroke(COLOUR.other, 0.7, 0.5, [], () => lines.forEach(trace));
      return;
    }
    for (const line of lines) this.stroke(COLOUR[`c${look(line.e).colour}`], 0.7, 0.4, [], () => trace(line));
  }

  // The interval of a mean over seeds, and the seeds that are drawn by themselves.
  drawSeeds({e, x, low, high, seeds}) {
    const {ctx, mapping} = this;
    const paint = COLOUR[`c${look(e).colour}`];
    if (low) {
      const places = [...x.keys()].filter(place => mapping.has(high[place]));
      const bounded = value => Math.max(-1e5, Math.min(1e5, mapping.has(value) ? mapping.y(value) : 1e5));
      ctx.beginPath();
      for (const place of places) ctx.lineTo(mapping.x(x[place]), bounded(high[place]));
      for (const place of places.reverse()) ctx.lineTo(mapping.x(x[place]), bounded(low[place]));
      ctx.fillStyle = paint;
      ctx.globalAlpha = 0.16;
      ctx.fill();
    }
    for (const seed of seeds ?? []) {
      this.stroke(paint, 0.8, 0.5, [], () => this.trace(seed.x, seed.y));
      if (DATA.failed[seed.e]) this.drawCross(seed, paint);
    }
  }

  drawStrong(line) {
    const {colour, dash} = look(line.e);
    const paint = COLOUR[`c${colour}`];
    const isHot = line.e === this.chart.hot;
    const alpha = isHot || this.chart.hot === null ? 1 : 0.55;
    this.stroke(paint, isHot ? 2.8 : 1.8, alpha, DASHES[dash], () => this.trace(line.x, line.y));
    if (isBad(line.e)) this.drawCross(line, paint);
    this.drawArrow(line, paint);
  }

  // Where a failed experiment ends.
  drawCross(line, paint) {
    const {ctx, box, mapping} = this;
    const size = 4 * this.ratio;
    const end = line.y.findLastIndex(value => mapping.has(value));
    if (end < 0) return;
    const x = mapping.x(line.x[end]);
    const y = Math.max(box.top + size, Math.min(box.top + box.height - size, mapping.y(line.y[end])));
    this.stroke(paint, 1.8, 1, [], () => {
      ctx.moveTo(x - size, y - size);
      ctx.lineTo(x + size, y + size);
      ctx.moveTo(x + size, y - size);
      ctx.lineTo(x - size, y + size);
    });
  }

  // Where a curve leaves the axis above.
  drawArrow(line, paint) {
    const {ctx, box, mapping} = this;
    const {
      x: [first, last],
      y: [, most],
    } = this.chart.view;
    const above = line.y.findIndex((value, place) => value > most && line.x[place] >= first);
    if (above < 0 || line.x[above] > last) return;
    const size = 4 * this.ratio;
    const left = mapping.x(line.x[above]);
    const top = box.top + this.ratio;
    ctx.beginPath();
    ctx.fillStyle = paint;
    ctx.globalAlpha = 1;
    ctx.moveTo(left, top);
    ctx.lineTo(left + size, top + 2 * size);
    ctx.lineTo(left - size, top + 2 * size);
    ctx.fill();
  }

  trace(x, y, stride = 1) {
    const {ctx, mapping} = this;
    let isOpen = false;
    for (let place = 0; place < x.length; place += stride) {
      if (!mapping.has(y[place])) {
        isOpen = false;
        continue;
      }
      const across = mapping.x(x[place]);
      const up = Math.max(-1e5, Math.min(1e5, mapping.y(y[place])));
      if (isOpen) ctx.lineTo(across, up);
      else ctx.moveTo(across, up);
      if (!isOpen && place === x.length - 1) ctx.lineTo(across + this.ratio, up); // a point by itself
      isOpen = true;
    }
  }

  stroke(colour, width, alpha, dash, trace) {
    const {ctx, ratio} = this;
    ctx.beginPath();
    ctx.strokeStyle = colour;
    ctx.lineWidth = width * ratio;
    ctx.globalAlpha = alpha;
    ctx.setLineDash(dash.map(part => part * ratio));
    trace();
    ctx.stroke();
  }
}
