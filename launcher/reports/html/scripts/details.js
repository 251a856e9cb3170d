// The fold-out of an experiment: what it was, how it went, and what to type about it.

function showDetails(cell, e) {
  const own = DATA.details[e],
    inside = element("div", {className: "inside"});
  const named = text => text.replaceAll(DATA.any, NAMES[e]);
  const left = element("div"),
    right = element("div");
  inside.append(element("div", {className: "columns"}, left, right));
  cell.append(inside);
  const told = [`${own.ending}${own.step ? ` after step ${own.step.toLocaleString("en")}` : ""}`, own.why]
    .filter(Boolean)
    .join(": ");
  left.append(element("h4", {textContent: NAMES[e]}), element("p", {textContent: told}));
  left.append(
    element("h4", {textContent: e === DATA.reference ? "Configuration" : `Other than in ${NAMES[DATA.reference]}`}),
    difference(e),
  );
  if (DATA.config.keys.length || Object.keys(DATA.config.shared).length) left.append(configuration(e));
  if (own.attempts.length > 1) left.append(element("h4", {textContent: "Attempts"}), attemptList(own.attempts));
  for (const metric of METRICS) {
    const curve = metric.curves.find(entry => entry.e === e);
    if (curve) showAlone(right, metric.name, chart => showOwnCurve(chart, metric, curve));
  }
  for (const quantity of DATA.resources) {
    const curve = quantity.curves.find(entry => entry.e === e);
    if (curve) showAlone(right, quantity.name, chart => showUsage(chart, quantity, [curve]), 150);
  }
  inside.append(element("h4", {textContent: "Last lines"}));
  inside.append(
    element("pre", {
      className: "lines",
      tabIndex: 0,
      textContent: own.lines.length ? own.lines.join("\n") : "(not in this page)",
    }),
  );
  inside.append(element("p", {className: "muted"}, "Its log: ", element("code", {textContent: named(DATA.log)})));
  inside.append(
    element("h4", {textContent: "Commands"}),
    element("pre", {tabIndex: 0, textContent: DATA.commands.map(named).join("\n")}),
  );
}

function difference(e) {
  const {keys, values} = DATA.config,
    base = values[DATA.reference] ?? [];
  const own = keys.flatMap((key, place) =>
    values[e][place] === base[place] || e === DATA.reference ? [] : [[key, `${values[e][place]}, not ${base[place]}`]],
  );
  const beyond = own.length ? "" : DATA.details[e].difference;
  return own.length
    ? facts(own)
    : element("p", {
        className: "muted",
        textContent: e === DATA.reference ? "The others are compared with this one." : beyond || "Nothing.",
      });
}

function configuration(e) {
  const {keys, values, shared} = DATA.config;
  const all = [...keys.map((key, place) => [key, values[e][place]]), ...Object.entries(shared)];
  return element(
    "details",
    {},
    element("summary", {textContent: `Whole configuration (${all.length} keys)`}),
    facts(all),
  );
}

function facts(pairs) {
  return element(
    "dl",
    {className: "facts"},
    ...pairs.flatMap(([key, value]) => [element("dt", {textContent: key}), element("dd", {textContent: value})]),
  );
}

function attemptList(attempts) {
  return element(
    "ul",
    {className: "said"},
    ...attempts.map(([number, device, ending, time, why]) =>
      element("li", {textContent: `${number} on ${device}: ${ending} after ${time}${why ? `, ${why}` : ""}`}),
    ),
  );
}

function showAlone(box, title, draw, height = 200) {
  const figure = element("figure", {}, element("figcaption", {textContent: title}));
  box.append(figure);
  const chart = new Chart(figure, height);
  chart.isAlone = true;
  draw(chart);
}

function showOwnCurve(chart, metric, curve) {
  const {steps, values} = curve.line(DATA.smoothing);
  const lines = [{e: curve.e, x: steps, y: values, rawX: curve.steps, rawY: curve.values}];
  chart.show({lines, limits: null, xLabel: "step", yLabel: metric.label, isLog: metric.log, from: 0, withRaw: true});
}
