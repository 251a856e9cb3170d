// The curves with their controls and legend, and the same for the resources.

function choice(label, options, onChange) {
  const select = element(
    "select",
    {},
    ...options.map(([value, text]) => element("option", {value, textContent: text})),
  );
  select.addEventListener("change", () => onChange(select.value));
  return element("label", {}, `${label} `, select);
}

function button(text, onClick, attributes = {}) {
  const made = element("button", {type: "button", textContent: text, attributes});
  made.addEventListener("click", onClick);
  return made;
}

function checkbox(label, isOn, onChange) {
  const box = element("input", {type: "checkbox", checked: isOn});
  box.addEventListener("change", () => onChange(box.checked));
  return element("label", {}, box, label);
}

class CurvePanel {
  constructor(box) {
    Object.assign(this, {metric: METRICS[0], across: "step", share: DATA.smoothing, isLog: METRICS[0].log});
    this.tools = element("div", {className: "tools"}, ...this.choices(), ...this.looks(), ...this.actions());
    this.legend = new Legend(box);
    this.legend.list.before(this.tools);
    this.chart = new Chart(box, innerWidth < 600 ? 320 : 460);
    this.chart.onZoom = isZoomed => Object.assign(this.back, {disabled: !isZoomed});
    this.note = element("p", {className: "muted"});
    box.append(this.note);
    this.renew();
    STATE.listeners.push(() => this.renew(true));
  }

  set(values, keepsView = false) {
    Object.assign(this, values);
    this.renew(keepsView);
  }

  // What is drawn: the metric, and what lies along x.
  choices() {
    const found = [];
    const metrics = METRICS.map(({name}, place) => [place, name]);
    const kinds = Object.keys(ACROSS).filter(kind => NAMES.some((_, e) => ACROSS[kind].known(e)));
    if (metrics.length > 1) found.push(choice("metric", metrics, place => this.setMetric(METRICS[place])));
    if (kinds.length > 1) {
      const named = kinds.map(kind => [kind, ACROSS[kind].label.split(/,| in /)[0]]);
      found.push(choice("by", named, across => this.set({across})));
    }
    return found;
  }

  setMetric(metric) {
    this.log.querySelector("input").checked = metric.log;
    this.set({metric, isLog: metric.log});
  }

  // How it is drawn.
  looks() {
    this.log = checkbox("logarithmic", this.isLog, isLog => this.set({isLog}));
    const found = [this.log, this.smoothing()];
    if (UNITS.length > FEW) {
      const onChange = withOthers => {
        STATE.withOthers = withOthers;
        this.renew();
      };
      found.push(checkbox("others in grey", STATE.withOthers, onChange));
    }
    return found;
  }

  smoothing() {
    const shown = element("output");
    const value = Math.round(DATA.smoothing * 100);
    const range = element("input", {type: "range", min: 0, max: 20, step: 1, value});
    const tell = () => Object.assign(shown, {textContent: +range.value ? `${range.value} %` : "none"});
    range.addEventListener("input", () => {
      tell();
      this.set({share: range.value / 100}, true);
    });
    tell();
    return element("label", {}, "smoothing ", range, shown);
  }

  actions() {
    this.back = button("Whole curves", () => this.chart.reset());
    return [this.back, button("Curves as CSV", () => this.export())];
  }

  lines() {
    const kind = ACROSS[this.across];
    if (CONFIGURATIONS) return this.means(kind);
    const known = this.metric.curves.filter(curve => kind.known(curve.e));
    return known.map(curve => {
      const {steps, values} = curve.line(this.share);
      const rawX = kind.of(curve.e, curve.steps);
      const x = steps === curve.steps ? rawX : kind.of(curve.e, steps);
      return {e: curve.e, x, y: values, rawX, rawY: curve.values};
    });
  }

  // A line a configuration: the mean over its seeds, with its band or the seeds themselves.
  means(kind) {
    const own = new Map(this.metric.curves.map(curve => [curve.e, curve]));
    return CONFIGURATIONS.flatMap(({e: members}, number) => {
      const known = members.filter(e => own.has(e) && kind.known(e));
      if (!known.length) return [];
      const counted = (this.metric.counted[number] ?? members).filter(e => known.includes(e));
      const smooth = e => ({e, ...own.get(e).line(this.share)});
      const mean = counted.length ? meanCurve(counted.map(smooth), DATA.t) : null;
      const alone = known.filter(e => !mean?.low || !counted.includes(e)).map(smooth);
      const seeds = alone.map(({e, steps, values}) => ({e, x: kind.of(e, steps), y: values}));
      const x = mean ? kind.of(counted[0], mean.steps) : seeds[0].x;
      const y = mean ? mean.mean : new Float64Array(x.length).fill(NaN);
      const told = `${counted.length === members.length ? "" : `${counted.length}/`}${members.length} seeds`;
      return [{e: members[0], x, y, rawX: x, rawY: y, low: mean?.low, high: mean?.high, seeds, told}];
    });
  }

  // `keepsView`: what was zoomed into stays.
  renew(keepsView = false) {
    const {metric, chart, isLog} = this;
    const lines = this.lines();
    const view = keepsView && chart.isZoomed ? chart.view : null;
    const labels = {xLabel: ACROSS[this.across].label, yLabel: metric.label};
    const withRaw = !CONFIGURATIONS && this.share > 0 && STATE.on.size <= FEW;
    chart.show({...labels, lines, isLog, withRaw, from: 0, limits: metric.limits[isLog ? "log" : "linear"]});
    if (view) {
      chart.view = view;
      chart.build();
    }
    const num = CONFIGURATIONS ? new Set(metric.curves.map(({e}) => UNIT_OF[e])).size : metric.curves.length;
    this.note.textContent = this.remarks(num - lines.length);
    this.legend.show(chart, metric);
  }

  remarks(numMissing) {
    const {metric, isLog} = this;
    const leaving = metric.leaves && isLog === metric.log ? `Beyond the axis: ${metric.leaves}. ` : "";
    const whose = numMissing === 1 ? "1 curve is not here: its" : `${numMissing} curves are not here: their`;
    return leaving + (numMissing ? `${whose} ${this.chart.quantity} was not recorded.` : "");
  }

  // The curves that are on, as they are in the page: recorded values by step, tokens and time where known.
  export() {
    const rows = [["experiment", "step", "tokens", "time_s", this.metric.name]];
    for (const curve of this.metric.curves.filter(({e}) => STATE.on.has(UNIT_OF[e]))) {
      const tokens = DATA.scales.tokens[curve.e] && alongScale("tokens", curve.e, curve.steps);
      const time = DATA.scales.time[curve.e] && alongScale("time", curve.e, curve.steps);
      curve.values.forEach((value, place) =>
        rows.push([
          NAMES[curve.e],
          curve.steps[place],
          tokens && Math.round(tokens[place]),
          time && Number(time[place].toPrecision(6)),
          Number.isNaN(value) ? "nan" : Number(value.toPrecision(7)),
        ]),
      );
    }
    download(`${DATA.sweep}-${this.metric.name}.csv`.replace(/[^\w.-]+/g, "_"), rows);
  }
}

class ResourcePanel {
  constructor(box) {
    this.quantity = DATA.resources[0];
    const named = DATA.resources.map(({name}, place) => [place, name]);
    const chosen = choice("quantity", named, place => {
      this.quantity = DATA.resources[place];
      this.renew();
    });
    if (named.length > 1) box.append(element("div", {className: "tools"}, chosen));
    this.chart = new Chart(box, 260);
    this.renew();
    STATE.listeners.push(() => this.renew());
  }

  renew() {
    showUsage(this.chart, this.quantity, this.quantity.curves);
  }
}

function showUsage(chart, {name, unit}, curves) {
  const lines = curves.map(curve => {
    const x = (curve.across ??= unpackFloats(curve.x));
    const y = (curve.up ??= unpackFloats(curve.v));
    return {e: curve.e, x, y, rawX: x, rawY: y};
  });
  const most = lines.reduce((high, {y}) => y.reduce((most, value) => Math.max(most, value), high), 0);
  const labels = {xLabel: "time in seconds", yLabel: `${name.split(",")[0]}, ${unit}`};
  chart.show({...labels, lines, limits: [0, most * 1.05 || 1], isLog: false, from: 0, withRaw: false});
}
