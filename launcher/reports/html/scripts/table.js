// The table of results: filter, order, choice of columns, groups, rows that switch curves on.
// With several seeds a row is a configuration, which opens the rows of its seeds; else a row opens the details of its
// experiment, as a row of a seed does.

const MOST_GROUPS = 40;

class ResultTable {
  constructor(table, tools) {
    this.table = table;
    this.body = table.tBodies[0];
    this.heads = [...table.tHead.rows[0].cells];
    this.titles = this.heads.map(head => head.textContent);
    const all = [...this.body.rows].map(row => this.entry(row));
    this.entries = new Map(all.map(entry => [entry.row, entry]));
    this.rows = all.filter(({row}) => !("of" in row.dataset));
    if (CONFIGURATIONS) this.foldSeeds(all);
    this.open = new Map(); // by row: the row of its details, if it has such
    this.hidden = new Set(this.heads.flatMap((head, place) => ("off" in head.dataset ? [place] : [])));
    this.sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.sheet];
    for (const {row} of all) this.prepare(row);
    this.build(tools);
    table.tHead.addEventListener("click", event => this.onSort(event));
    this.body.addEventListener("click", event => this.onClick(event));
    this.hideColumns();
    this.lightRows();
    this.shown = this.rows;
    STATE.listeners.push(() => this.lightRows());
  }

  entry(row) {
    const states = CONFIGURATIONS ? row.dataset.s.split(" ") : [row.dataset.s];
    return {row, e: +row.dataset.e, text: row.textContent.toLowerCase(), states, seeds: null};
  }

  // Takes the rows of seeds out of the table: each configuration has its own.
  foldSeeds(all) {
    const byFirst = new Map(this.rows.map(entry => [entry.e, Object.assign(entry, {seeds: []})]));
    for (const entry of all) {
      if (!("of" in entry.row.dataset)) continue;
      const first = byFirst.get(+entry.row.dataset.of);
      first.seeds.push(entry);
      first.text += ` ${entry.text}`;
      entry.row.remove();
    }
  }

  prepare(row) {
    const head = row.cells[0];
    const name = head.textContent;
    const isSeed = "of" in row.dataset;
    const box = element("input", {type: "checkbox", title: "curve on", attributes: {"aria-label": `curve of ${name}`}});
    const fold = element("button", {type: "button", textContent: name, attributes: {"aria-expanded": "false"}});
    head.replaceChildren(...(isSeed ? [fold] : [box, fold]));
  }

  build(tools) {
    const attributes = {"aria-label": "Filter the rows"};
    this.words = element("input", {type: "search", placeholder: "filter: words of a row", attributes});
    this.words.addEventListener("input", () => this.render());
    this.state = this.states();
    this.count = element("output", {className: "muted"});
    const asFile = button("Table as CSV", () => this.export());
    const filters = [this.words, this.state.list.length > 2 ? this.state.label : null, this.grouping()];
    tools.append(element("div", {className: "tools"}, ...filters, this.columns(), asFile, this.count));
    tools.append(
      element(
        "div",
        {className: "tools"},
        element("span", {className: "muted", textContent: "curves on:"}),
        button("only the rows shown", () => switchTo(this.shown.map(({e}) => e))),
        button("first choice", () => switchTo(FIRST)),
        button("all", () => switchTo(UNITS)),
        button("none", () => switchTo([])),
      ),
    );
  }

  // The filter by ending.
  states() {
    const counts = new Map();
    for (const {states} of this.rows) for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
    const named = [...counts].map(([state, count]) => [state, `${state.replaceAll("_", " ")} (${count})`]);
    const label = choice("", [["", "all endings"], ...named], () => this.render());
    return {label, list: label.querySelector("select")};
  }

  // The keys that put several experiments into a group; null if there is none.
  grouping() {
    const {keys, values, telling} = DATA.config;
    const named = keys.flatMap((key, place) => {
      const num = new Set(values.map(row => row[place])).size;
      const isUseful = num > 1 && num < UNITS.length && num <= MOST_GROUPS;
      return isUseful ? [[place, place === telling ? `${key} (tells most)` : key]] : [];
    });
    const onChange = place => {
      STATE.group = place === "" ? null : +place;
      changed();
      this.render();
    };
    return named.length ? choice("group by", [["", "nothing"], ...named], onChange) : null;
  }

  columns() {
    const boxes = this.titles.slice(1).map((title, before) => {
      const place = before + 1;
      return checkbox(title, !this.hidden.has(place), isShown => {
        this.hidden[isShown ? "delete" : "add"](place);
        this.hideColumns();
      });
    });
    return element("details", {}, element("summary", {textContent: "Columns"}), element("div", {}, ...boxes));
  }

  hideColumns() {
    const rules = [...this.hidden].map(place => `#${this.table.id} tr:not(.fold, .group) > :nth-child(${place + 1})`);
    this.sheet.replaceSync(rules.length ? `@media screen { ${rules.join(", ")} { display: none } }` : "");
  }

  // A row has the colour of its curve at its edge.
  lightRows() {
    for (const {row, e} of this.rows) {
      const isOn = STATE.on.has(e);
      const head = row.cells[0];
      head.firstChild.checked = isOn;
      head.style.boxShadow = isOn ? `inset 5px 0 var(--c${look(e).colour})` : "";
    }
  }

  onSort(event) {
    const order = chosenOrder(event, this.heads);
    if (!order) return;
    sortRows(this.rows, order);
    this.render();
  }

  onClick(event) {
    const row = event.target.closest("tr[data-e]");
    if (!row) return;
    const e = +row.dataset.e;
    if (event.target.matches("input")) toggle(e);
    else if (event.target.matches("th button")) this.fold(this.entries.get(row), event.target);
  }

  fold(entry, opener) {
    const {row, e, seeds} = entry;
    const isOpen = opener.getAttribute("aria-expanded") === "true";
    opener.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      for (const each of this.below(entry)) each.remove();
      this.open.delete(row);
      return;
    }
    const cell = element("td", {colSpan: this.heads.length});
    this.open.set(row, seeds ? null : element("tr", {className: "fold"}, cell));
    row.after(...this.below(entry));
    if (!seeds) showDetails(cell, e);
  }

  // What is open below a row: its details, or the rows of its seeds with theirs.
  below({row, seeds}) {
    if (!this.open.has(row)) return [];
    return seeds ? seeds.flatMap(seed => [seed.row, ...this.below(seed)]) : [this.open.get(row)];
  }

  render() {
    const words = this.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = this.state.list.value;
    const fits = row => (!state || row.states.includes(state)) && words.every(word => row.text.includes(word));
    this.shown = this.rows.filter(fits);
    const num = this.shown.length;
    this.count.textContent = num === this.rows.length ? "" : `${num} of ${this.rows.length} rows`;
    const withFold = entry => [entry.row, ...this.below(entry)];
    if (STATE.group === null) {
      this.body.replaceChildren(...this.shown.flatMap(withFold));
      return;
    }
    const found = [...groups().keys()].flatMap(value => {
      const own = this.shown.filter(({e}) => groupOf(e) === value);
      return own.length ? [this.groupRow(value, own), ...own.flatMap(withFold)] : [];
    });
    this.body.replaceChildren(...found);
  }

  // The heading of a group: how many, and the mean and the best of the first metric.
  groupRow(value, own) {
    const text = [
      `${DATA.config.keys[STATE.group]} = ${value}`,
      `${own.length} ${NOUN}${own.length > 1 ? "s" : ""}`,
    ];
    const place = this.heads.findIndex(head => head.classList.contains("metric"));
    const metric = METRICS[0];
    const isOut = ({e, states}) => (CONFIGURATIONS ? states.includes("diverged") : DATA.failed[e]);
    const values = own.flatMap(entry => {
      const {row, e} = entry;
      const found = parseFloat(row.cells[place]?.dataset.v);
      return Number.isFinite(found) && !isOut(entry) ? [[found, e]] : [];
    });
    if (values.length && metric) {
      values.sort((a, b) => (metric.max ? b[0] - a[0] : a[0] - b[0]));
      const mean = values.reduce((sum, [found]) => sum + found, 0) / values.length;
      text.push(
        `mean of ${this.titles[place]} ${reading(mean)}`,
        `best ${reading(values[0][0])} (${lineName(values[0][1])})`,
      );
    }
    return element(
      "tr",
      {className: "group"},
      element("th", {colSpan: this.heads.length, textContent: text.join(" · "), attributes: {scope: "rowgroup"}}),
    );
  }

  // The rows and columns that are shown, with the values behind the cells.
  export() {
    const places = this.titles.flatMap((_, place) => (this.hidden.has(place) ? [] : [place]));
    const rows = this.shown.map(({row, e}) =>
      places.map(place => (place === 0 ? lineName(e) : (row.cells[place].dataset.v ?? row.cells[place].textContent))),
    );
    download(`${DATA.sweep}-results.csv`.replace(/[^\w.-]+/g, "_"), [places.map(place => this.titles[place]), ...rows]);
  }
}

// Which column a click on a heading chooses, and whether it is sorted upwards; null: no heading was clicked.
function chosenOrder(event, heads) {
  const head = event.target.closest("[data-sort]")?.closest("th");
  if (!head) return null;
  const isUp = head.getAttribute("aria-sort") !== "ascending";
  for (const other of heads) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
  return {place: heads.indexOf(head), isUp};
}

// Sorts by the values behind the cells. What is empty or NaN comes last, in both directions.
function sortRows(rows, {place, isUp}) {
  const shown = ({row, e}) => (place === 0 && e >= 0 ? lineName(e) : row.cells[place].textContent);
  const keyed = rows.map(row => {
    const text = row.row.cells[place].dataset.v ?? shown(row);
    const size = {inf: Infinity, "-inf": -Infinity}[text] ?? parseFloat(text);
    return {row, text, size: place === 0 ? NaN : size, isEmpty: text === "" || text === "nan"};
  });
  keyed.sort((a, b) => {
    if (a.isEmpty !== b.isEmpty) return a.isEmpty ? 1 : -1;
    const isText = isNaN(a.size) || isNaN(b.size);
    const order = isText ? a.text.localeCompare(b.text, undefined, {numeric: true}) : a.size - b.size || 0;
    return isUp ? order : -order;
  });
  rows.splice(0, rows.length, ...keyed.map(({row}) => row));
}

// A table without tools, such as that of the attempts: its headings sort.
function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  table.tHead.addEventListener("click", event => {
    const order = chosenOrder(event, heads);
    if (!order) return;
    const rows = [...table.tBodies[0].rows].map(row => ({row, e: -1}));
    sortRows(rows, order);
    table.tBodies[0].append(...rows.map(({row}) => row));
  });
}
