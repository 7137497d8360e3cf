// The live page: the list of runs, the curves of those that are chosen, and the last validation of one. What is shown
// comes from others (names of runs, classes and files), and becomes text, never markup.

import { $, clock, figure, make } from "./elements.js";
import { showValidation } from "./validation.js";

/**
 * @typedef {object} Row A run, as `RunRow` in watched_run.ts has it.
 * @property {string} id
 * @property {string} name
 * @property {"training" | "finished" | "stopped" | "damaged"} state
 * @property {string} [why]
 * @property {string} task
 * @property {string} model
 * @property {number} began
 * @property {number} epoch
 * @property {number | null} epochs
 * @property {number} step
 * @property {number | null} steps
 * @property {number | null} left
 * @property {Record<string, number | null>} metrics
 * @property {number} version
 */

/** Pixels of the page for one of a chart: its texts are as large as the page's then. */
const SCALE = 0.6;

/** Runs whose curves are drawn at a time; the server takes no more. */
const MOST_CHOSEN = 64;

/** Line styles of the charts, as many as in palette.ts. */
const STYLES = 8;

/** Columns that always stand in the list where any run has them. */
const COLUMNS = ["best val accuracy", "val loss", "test accuracy"];

/** What else the list can be sorted by. */
const FACTS = {
  began: (row) => row.began,
  name: (row) => row.name,
  state: (row) => row.state,
  task: (row) => row.task,
  model: (row) => row.model,
  epoch: (row) => row.epoch,
};

/** @type {Map<string, Row>} */
const rows = new Map();
/** Chosen runs, and the place of each among the line styles. @type {Map<string, number>} */
const chosen = new Map();
/** The run that is shown below. @type {string | undefined} */
let shown;
let sort = { by: "began", isDescending: true };
let columns = [];
/** Have all runs been read? */
let isWhole = false;
/** Was anything chosen by hand? Until then the newest run is. */
let isByHand = false;

const epochsOf = ({ epoch, epochs }) => epochs === null ? `${epoch}` : `${epoch}/${epochs}`;

// ---- The list ----

/** @type {Map<string, HTMLTableRowElement>} */
const lines = new Map();

const valueOf = (row, by) => FACTS[by] ? FACTS[by](row) : row.metrics[by];

/** Does a run pass the filters? */
function passes(row) {
  const text = `${row.name} ${row.task} ${row.model} ${row.state}`.toLowerCase();
  const words = $("text").value.toLowerCase().split(/\s+/).filter((word) => word);
  return words.every((word) => text.includes(word)) &&
    ["state", "task", "model"].every((key) => $(key).value === "" || $(key).value === row[key]);
}

/** Runs that pass, in order; those without the value come last. */
function sorted() {
  const sign = sort.isDescending ? -1 : 1;
  return [...rows.values()].filter(passes).sort((a, b) => {
    const [x, y] = [valueOf(a, sort.by) ?? null, valueOf(b, sort.by) ?? null];
    if (x === null || y === null) return x === y ? a.name.localeCompare(b.name) : x === null ? 1 : -1;
    const order = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return sign * order || b.began - a.began || a.name.localeCompare(b.name);
  });
}

/** Choices of a select: all, or one of the values. */
function offer(select, all, values) {
  const wanted = [["", all], ...values.map((value) => [value, value])].filter(([, text]) => text);
  const known = [...select.options].map(({ value }) => value);
  if (JSON.stringify(known) === JSON.stringify(wanted.map(([value]) => value))) return;
  const { value } = select;
  select.replaceChildren(...wanted.map(([value, text]) => new Option(text, value)));
  select.value = wanted.some(([one]) => one === value) ? value : wanted[0][0];
}

/** The heads of the columns, anew where there are others. */
function showHeads() {
  const metrics = [...new Set([...rows.values()].flatMap((row) => Object.keys(row.metrics)))];
  offer($("sort"), "", [...Object.keys(FACTS), ...metrics.sort()]);
  $("sort").value = sort.by;
  for (const [key, all] of [["state", "all"], ["task", "all"], ["model", "all"]]) {
    offer($(key), all, [...new Set([...rows.values()].map((row) => row[key]))].filter((value) => value).sort());
  }
  const wanted = COLUMNS.filter((name) => metrics.includes(name));
  if (!FACTS[sort.by] && !wanted.includes(sort.by)) wanted.push(sort.by);
  const heads = ["name", "state", "model", "task", "epoch", ...wanted];
  $("order").textContent = sort.isDescending ? "↓" : "↑";
  $("order").title = sort.isDescending ? "descending" : "ascending";
  const isSame = heads.join("\n") === columns.join("\n");
  columns = heads;
  if (!isSame) { for (const id of lines.keys()) lines.get(id).version = undefined; }
  document.querySelector("thead").replaceChildren(make(
    "tr",
    "",
    ...heads.map((name) => {
      const button = make("button", "", name);
      button.type = "button";
      button.addEventListener("click", () => sortBy(name));
      const head = make("th", FACTS[name] && name !== "epoch" ? "" : "n", button);
      head.scope = "col";
      if (name === sort.by) {
        head.setAttribute("aria-sort", sort.isDescending ? "descending" : "ascending");
        button.append(sort.isDescending ? " ↓" : " ↑");
      }
      return head;
    }),
  ));
}

function sortBy(name, isDescending) {
  // Names begin with A, figures with the best.
  const first = !["name", "state", "task", "model"].includes(name) && !/loss|brier|error/i.test(name);
  sort = { by: name, isDescending: isDescending ?? (sort.by === name ? !sort.isDescending : first) };
  showList();
}

/** A run's line in the list. */
function lineOf(row) {
  let line = lines.get(row.id);
  if (!line) {
    line = make("tr");
    lines.set(row.id, line);
  }
  const place = chosen.get(row.id);
  const mark = `${row.version} ${place} ${shown === row.id}`;
  if (line.version === mark) return line;
  line.version = mark;
  line.className = row.id === shown ? "shown" : "";
  const box = make("input");
  box.type = "checkbox";
  box.checked = place !== undefined;
  box.setAttribute("aria-label", `curves of ${row.name}`);
  box.addEventListener("change", () => choose(row.id, box.checked));
  const name = make("button", "name", row.name);
  name.type = "button";
  name.title = row.name;
  name.dir = "auto";
  name.addEventListener("click", () => show(row.id));
  const cells = columns.map((column) => {
    switch (column) {
      case "name": {
        const swatch = make("i", place === undefined ? "swatch" : `swatch s${place % STYLES}`);
        const head = make("th", "", make("div", "run", box, swatch, name));
        head.scope = "row";
        return head;
      }
      case "state":
        return make("td", "", make("span", `state ${row.state}`, row.state));
      case "epoch":
        return make("td", "n", row.state === "damaged" ? "–" : epochsOf(row));
      case "model":
      case "task":
        return make("td", "", row[column]);
      default:
        return make("td", "n", figure(row.metrics[column]));
    }
  });
  line.replaceChildren(...cells);
  return line;
}

/** The list as it is now. */
function showList() {
  showHeads();
  const passing = sorted();
  const wanted = passing.map(lineOf);
  const body = $("rows");
  const isSame = body.children.length === wanted.length && wanted.every((line, i) => line === body.children[i]);
  if (!isSame) body.replaceChildren(...wanted);
  const all = `${rows.size === 1 ? "1 run" : `${rows.size} runs`}${isWhole ? "" : ", and more are read …"}`;
  $("count").textContent = rows.size === 0 && !isWhole
    ? "The runs are read …"
    : rows.size === 0
    ? "There are no runs here yet. One that is begun appears by itself."
    : passing.length === rows.size
    ? all
    : `${passing.length} of ${all}`;
}

// ---- Choosing ----

/** Draws a run's curves, or no more. */
function choose(id, isChosen) {
  isByHand = true;
  if (!isChosen) chosen.delete(id);
  else if (chosen.size < MOST_CHOSEN) {
    const taken = new Set(chosen.values());
    let place = 0;
    while (taken.has(place)) place++;
    chosen.set(id, place);
    show(id);
  }
  afterChoice();
}

/** Shows one run below, whose curves are drawn too. */
function show(id) {
  isByHand = true;
  shown = id;
  if (!chosen.has(id)) return choose(id, true);
  showRun();
  afterChoice();
}

function afterChoice() {
  keep();
  showList();
  showKey();
  askCharts();
}

/** Which line is which run. */
function showKey() {
  $("key").replaceChildren(
    ...[...chosen].filter(([id]) => rows.has(id)).map(([id, place]) => {
      const name = make("span", "", rows.get(id).name);
      name.dir = "auto";
      const button = make("button", "", make("i", `swatch s${place % STYLES}`), name);
      button.type = "button";
      button.title = "show this run below";
      button.addEventListener("click", () => show(id));
      return make("li", "", button);
    }),
  );
  $("hint").hidden = chosen.size > 0;
}

/** What is chosen stands in the address, so that a reload shows it again. */
function keep() {
  const view = new URLSearchParams({ x: $("x").value, smoothing: $("smoothing").value });
  if (isByHand) view.set("runs", [...chosen].map(([id, place]) => `${id}.${place}`).join(" "));
  if (isByHand && shown) view.set("shown", shown);
  history.replaceState(null, "", `#${view}`);
}

function recall() {
  const view = new URLSearchParams(location.hash.slice(1));
  if (["step", "epoch", "time"].includes(view.get("x"))) $("x").value = view.get("x");
  if (view.has("smoothing")) $("smoothing").value = view.get("smoothing");
  $("weight").textContent = $("smoothing").value;
  isByHand = view.has("runs");
  for (const word of view.get("runs")?.split(" ") ?? []) {
    const [id, place] = word.split(".");
    if (id) chosen.set(id, Number(place) || 0);
  }
  shown = view.get("shown") ?? undefined;
}

// ---- Charts ----

/** What updates each chart, by its title. @type {Map<string, { figure: HTMLElement, update: (chart: object) => void }>} */
const charts = new Map();
let isAsking = false;
let isStale = false;
/** Has the server said that it ends? */
let hasEnded = false;

/** Asks for the charts; while an answer is awaited, once more after it. */
async function askCharts() {
  if (isAsking) {
    isStale = true;
    return;
  }
  if (chosen.size === 0 && charts.size === 0) return;
  isAsking = true;
  do {
    isStale = false;
    const query = new URLSearchParams({
      x: $("x").value,
      smoothing: $("smoothing").value,
      width: String(chartWidth()),
    });
    for (const [id, place] of chosen) query.append("run", `${id}.${place}`);
    try {
      const answer = await fetch(`/charts?${query}`);
      if (!answer.ok) throw new Error(await answer.text());
      showCharts(await answer.json());
    } catch (error) {
      if (!hasEnded) say(`The curves could not be read: ${error.message}`, true);
    }
  } while (isStale);
  isAsking = false;
}

/** Width of a chart in its own pixels: what a column of the page has room for. */
function chartWidth() {
  const { gridTemplateColumns } = getComputedStyle($("charts"));
  const column = parseFloat(gridTemplateColumns) || $("charts").clientWidth;
  // Without the figure's frame.
  return Math.max(200, Math.round((column - 18) / SCALE));
}

function showCharts(wanted) {
  const titleOf = ({ option }) => option.title.text;
  const titles = new Set(wanted.map(titleOf));
  for (const [title, { figure }] of charts) {
    if (titles.has(title)) continue;
    figure.remove();
    charts.delete(title);
  }
  for (const [c, chart] of wanted.entries()) {
    const title = titleOf(chart);
    const known = charts.get(title);
    if (known) {
      known.update(chart);
      continue;
    }
    const figure = make("figure");
    figure.setAttribute("role", "img");
    figure.setAttribute("aria-label", title);
    $("charts").insertBefore(figure, $("charts").children[c] ?? null);
    charts.set(title, { figure, update: globalThis.showChart(figure, null, chart) });
  }
}

// ---- One run ----

let seenVersion;

/** The run that is shown: its figures at once, its last validation when that has come. */
async function showRun() {
  const row = rows.get(shown);
  $("run").hidden = !row;
  if (!row) return;
  $("name").textContent = row.name;
  $("why").hidden = row.why === undefined;
  $("why").textContent = row.why ?? "";
  const { metrics, state, steps, step, left } = row;
  const figures = [
    [state, "state"],
    [epochsOf(row), "epoch"],
    [steps === null ? `${step}` : `${step}/${steps}`, "step"],
    ...(left === null ? [] : [[clock(left), "of training left"]]),
    ...Object.entries(metrics).map(([name, value]) => [figure(value), name]),
  ];
  $("figures").replaceChildren(
    ...figures.map(([value, name]) => make("li", "", make("b", "", value), make("span", "", name))),
  );
  const version = `${row.id} ${row.version}`;
  if (version === seenVersion) return;
  seenVersion = version;
  const answer = await fetch(`/validation?run=${row.id}`).catch(() => undefined);
  if (answer?.ok && shown === row.id) showValidation(await answer.json());
}

// ---- Events ----

/** @param {{ rows: Row[], gone: string[], isWhole: boolean }} change */
function take({ rows: changed, gone, isWhole: whole }) {
  isWhole = whole;
  for (const row of changed) rows.set(row.id, row);
  for (const id of gone) {
    rows.delete(id);
    lines.delete(id);
  }
  if (!isByHand && isWhole && rows.size > 0) chooseNewest();
  showList();
  if (changed.some(({ id }) => chosen.has(id)) || gone.some((id) => chosen.has(id))) askCharts();
  showKey();
  showRun();
}

/** The runs at work, or else the newest run, as long as nobody has chosen. */
function chooseNewest() {
  const newest = [...rows.values()].sort((a, b) => b.began - a.began);
  const training = newest.filter(({ state }) => state === "training").slice(0, STYLES);
  const wanted = training.length > 0 ? training : newest.slice(0, 1);
  if (training.length === 0 && chosen.size > 0 && [...chosen.keys()].every((id) => rows.has(id))) return;
  for (const id of chosen.keys()) if (!wanted.some((row) => row.id === id)) chosen.delete(id);
  const free = Array.from({ length: STYLES }, (_, place) => place);
  for (const { id } of wanted) {
    if (!chosen.has(id)) chosen.set(id, free.find((place) => ![...chosen.values()].includes(place)));
  }
  shown = wanted.some(({ id }) => id === shown) ? shown : wanted[0].id;
  askCharts();
}

function say(text, isBad = false) {
  $("status").textContent = text;
  $("status").className = isBad ? "bad" : "soft";
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("open", () => say("live: what is new appears by itself"));
  events.addEventListener("all", ({ data }) => {
    rows.clear();
    take(JSON.parse(data));
  });
  events.addEventListener("change", ({ data }) => take(JSON.parse(data)));
  events.addEventListener("end", () => {
    events.close();
    hasEnded = true;
    say("The command that served this page has ended; what is shown stays. deno task dash shows the runs again.");
  });
  events.addEventListener("error", () => {
    if (events.readyState !== EventSource.CLOSED) say("The connection is lost, and tried again …", true);
  });
}

for (const id of ["text", "state", "task", "model"]) $(id).addEventListener("input", showList);
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("sort").addEventListener("change", () => sortBy($("sort").value));
$("order").addEventListener("click", () => sortBy(sort.by, !sort.isDescending));
$("x").addEventListener("change", () => void (keep(), askCharts()));
$("smoothing").addEventListener("input", () => {
  $("weight").textContent = $("smoothing").value;
  keep();
  askCharts();
});
$("none").addEventListener("click", () => {
  isByHand = true;
  chosen.clear();
  afterChoice();
});
let resized;
new ResizeObserver(() => {
  clearTimeout(resized);
  // While a window is drawn larger, every width comes by.
  resized = setTimeout(askCharts, 200);
}).observe($("charts"), { box: "border-box" });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", askCharts);

recall();
if (globalThis.echarts) listen();
else say("The charts' library could not be loaded; reload this page when there is a network.", true);
