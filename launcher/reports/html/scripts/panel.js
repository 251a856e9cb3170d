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

class CurvePanel {
  constructor(box) {
    Object.assign(this, {metric: METRICS[0], across: "step", share: DATA.smoothing, isLog: METRICS[0].log});
    const kinds = Object.keys(ACROSS).filter(kind => NAMES.some((_, e) => ACROSS[kind].known(e)));
    this.tools = element("div", {className: "tools"});
    if (METRICS.length > 1) {
      this.tools.append(
        choice(
          "metric",
          METRICS.map(({name}, place) => [place, name]),
          place => {
            this.metric = METRICS[place];
            this.log.querySelector("input").checked = this.isLog = this.metric.log;
            this.renew();
          },
        ),
      );
    }
    if (kinds.length > 1) {
      this.tools.append(
        choice(
          "by",
          kinds.map(kind => [kind, ACROSS[kind].label.split(/,| in /)[0]]),
          kind => {
            this.across = kind;
            this.renew();
          },
        ),
      );
    }
    this.log = this.checkbox("logarithmic", this.isLog, isOn => {
      this.isLog = isOn;
      this.renew();
    });
    this.tools.append(this.log, this.smoothing());
    if (NAMES.length > FEW)
      this.tools.append(
        this.checkbox("others in grey", STATE.withOthers, isOn => {
          STATE.withOthers = isOn;
          this.renew();
        }),
      );
    this.back = button("Whole curves", () => this.chart.reset());
    this.tools.append(
      this.back,
      button("Curves as CSV", () => this.export()),
    );
    this.legend = element("ul", {
      className: "legend",
      attributes: {"aria-label": "Experiments: press one to switch its curve on or off"},
    });
    box.append(this.tools, this.legend);
    this.chart = new Chart(box, innerWidth < 600 ? 320 : 460);
    this.chart.onZoom = isZoomed => {
      this.back.disabled = !isZoomed;
    };
    this.note = element("p", {className: "muted"});
    box.append(this.note);
    this.renew();
    STATE.listeners.push(() => this.renew(true));
  }

  checkbox(label, isOn, onChange) {
    const box = element("input", {type: "checkbox", checked: isOn});
    box.addEventListener("change", () => onChange(box.checked));
    return element("label", {}, box, label);
  }

  smoothing() {
    const shown = element("output"),
      range = element("input", {type: "range", min: 0, max: 20, step: 1, value: Math.round(DATA.smoothing * 100)});
    const told = () => {
      shown.textContent = +range.value ? `${range.value} %` : "none";
    };
    range.addEventListener("input", () => {
      this.share = range.value / 100;
      told();
      this.renew(true);
    });
    told();
    return element("label", {}, "smoothing ", range, shown);
  }

  lines() {
    const kind = ACROSS[this.across];
    return this.metric.curves
      .filter(curve => kind.known(curve.e))
      .map(curve => {
        const {steps, values} = curve.line(this.share),
          rawX = kind.of(curve.e, curve.steps);
        return {
          e: curve.e,
          x: steps === curve.steps ? rawX : kind.of(curve.e, steps),
          y: values,
          rawX,
          rawY: curve.values,
        };
      });
  }

  // `keepsView`: what was zoomed into stays.
  renew(keepsView = false) {
    const lines = this.lines(),
      {metric, chart} = this,
      view = keepsView && chart.isZoomed ? chart.view : null;
    const limits = metric.limits[this.isLog ? "log" : "linear"];
    chart.show({
      lines,
      limits,
      xLabel: ACROSS[this.across].label,
      yLabel: metric.label,
      isLog: this.isLog,
      from: 0,
      withRaw: this.share > 0 && STATE.on.size <= FEW,
    });
    if (view) {
      chart.view = view;
      chart.build();
    }
    const missing = metric.curves.length - lines.length;
    const leaving = metric.leaves && this.isLog === metric.log ? `Beyond the axis: ${metric.leaves}. ` : "";
    this.note.textContent =
      leaving +
      (missing
        ? `${missing} curve(s) are not here: their ${ACROSS[this.across].label.split(/,| in /)[0]} was not recorded.`
        : "");
    this.showLegend();
  }

  showLegend() {
    const drawn = new Set(this.metric.curves.map(curve => curve.e));
    if (STATE.group !== null) {
      const entries = [...groups()].map(([value, place]) =>
        element(
          "li",
          {},
          swatch({colour: place % COLOURS, dash: Math.floor(place / COLOURS) % DASHES.length}),
          ` ${DATA.config.keys[STATE.group]} ${value}`,
        ),
      );
      this.legend.replaceChildren(...entries);
      return;
    }
    const listed = NAMES.length <= FEW ? NAMES.map((_, e) => e) : [...new Set([...FIRST, ...STATE.on])].slice(0, 60);
    const entries = listed
      .filter(e => drawn.has(e))
      .map(e => {
        const made = button("", () => toggle(e), {"aria-pressed": STATE.on.has(e), title: NAMES[e]});
        made.append(
          swatch(look(e)),
          element("span", {textContent: shortName(e) + (e === DATA.reference ? " (reference)" : "")}),
        );
        made.addEventListener("mouseenter", () => this.chart.light(e));
        made.addEventListener("mouseleave", () => this.chart.light(null));
        return element("li", {}, made);
      });
    const focused = document.activeElement?.closest?.(".legend") === this.legend ? document.activeElement.title : null;
    this.legend.replaceChildren(...entries);
    if (focused) [...this.legend.querySelectorAll("button")].find(each => each.title === focused)?.focus();
  }

  // The curves that are on, as they are in the page: recorded values by step, tokens and time where known.
  export() {
    const rows = [["experiment", "step", "tokens", "time_s", this.metric.name]];
    for (const curve of this.metric.curves.filter(({e}) => STATE.on.has(e))) {
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
    if (DATA.resources.length > 1) {
      const chosen = choice(
        "quantity",
        DATA.resources.map(({name}, place) => [place, name]),
        place => {
          this.quantity = DATA.resources[place];
          this.renew();
        },
      );
      box.append(element("div", {className: "tools"}, chosen));
    }
    this.chart = new Chart(box, 260);
    this.renew();
    STATE.listeners.push(() => this.renew());
  }

  renew() {
    showUsage(this.chart, this.quantity, this.quantity.curves);
  }
}

function showUsage(chart, {name, unit}, curves) {
  const lines = usageLines(curves),
    most = Math.max(...lines.map(line => line.y.reduce((high, value) => Math.max(high, value), 0)));
  const labels = {xLabel: "time in seconds", yLabel: `${name.split(",")[0]}, ${unit}`};
  chart.show({...labels, lines, limits: [0, most * 1.05 || 1], isLog: false, from: 0, withRaw: false});
}

function usageLines(curves) {
  return curves.map(curve => {
    const x = (curve.across ??= unpackFloats(curve.x)),
      y = (curve.up ??= unpackFloats(curve.v));
    return {e: curve.e, x, y, rawX: x, rawY: y};
  });
}
