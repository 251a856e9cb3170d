// The legend of the curves: a press on a name switches its curve; of groups, their colours.

const MOST_NAMED = 60; // names in the legend; the table has every one

class Legend {
  constructor(box) {
    const label = `${NOUN[0].toUpperCase()}${NOUN.slice(1)}s: press one to switch its curve on or off`;
    this.list = element("ul", {className: "legend", attributes: {"aria-label": label}});
    box.append(this.list);
  }

  show(chart, metric) {
    const focused = document.activeElement?.closest?.(".legend") === this.list ? document.activeElement.title : null;
    this.list.replaceChildren(...(STATE.group === null ? this.names(chart, metric) : this.groups()));
    if (focused) [...this.list.querySelectorAll("button")].find(each => each.title === focused)?.focus();
  }

  groups() {
    const key = DATA.config.keys[STATE.group];
    return [...groups()].map(([value, place]) => element("li", {}, swatch(groupLook(place)), ` ${key} ${value}`));
  }

  // Of few experiments all; of many those that were on first, and those that are on.
  names(chart, metric) {
    const drawn = new Set(metric.curves.map(curve => UNIT_OF[curve.e]));
    const wanted = UNITS.length <= FEW ? UNITS : [...new Set([...FIRST, ...STATE.on])];
    const listed = wanted.filter(e => drawn.has(e)).slice(0, MOST_NAMED);
    return listed.map(e => {
      const made = button("", () => toggle(e), {"aria-pressed": STATE.on.has(e), title: lineName(e)});
      const told = chart.lines.find(line => line.e === e)?.told;
      const seeds = told?.includes("/") ? ` (${told})` : "";
      const name = shortName(e) + seeds + (e === DATA.reference ? " (reference)" : "");
      made.append(swatch(look(e)), element("span", {textContent: name}));
      made.addEventListener("mouseenter", () => chart.light(e));
      made.addEventListener("mouseleave", () => chart.light(null));
      return element("li", {}, made);
    });
  }
}
