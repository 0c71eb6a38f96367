// The list of frames: sorted, filtered, moved in by keys; a click looks at a frame, the box picks it.

import { formatted, make, makeButton } from "./elements.js";
import { LABELS } from "./labels.js";

const COLUMNS = [
  ["name", "File"],
  ["type", "Type"],
  ["exposure", "Exposure [s]"],
  ["filter", "Filter"],
  ["shape", "Rows × columns"],
  ["temperature", "Temp. [°C]"],
];
const NUMBERS = ["exposure", "temperature"];
const TEXTS = {
  exposure: (value) => formatted(value, 6),
  shape: (value) => value?.join(" × ") ?? "",
  temperature: (value) => formatted(value, 4),
};

// Numbers of the frames that are listed, in the order in which they are.
export function listedRows(panel) {
  const { frames, exposures } = panel.get("listing");
  const [key, backwards] = panel.get("sort");
  const time = exposures.find(({ label }) => label === panel.get("exposure"));
  const chosen = time && new Set(time.rows);
  const isListed = (frame, n) =>
    (panel.get("listed") === "all" || frame.dark || frame.trouble) && (!chosen || chosen.has(n));
  const rows = frames.map((_, n) => n).filter((n) => isListed(frames[n], n));
  return rows.sort((a, b) => compare(frames[a], frames[b], key, backwards) || a - b);
}

function compare(frame, other, key, backwards) {
  const value = ({ [key]: found }) => (Array.isArray(found) ? found[0] * found[1] : found);
  const [one, two] = [value(frame), value(other)];
  if (one === null || two === null) return (one === null) - (two === null); // what is not known comes last
  const order = typeof one === "string" ? one.localeCompare(two, undefined, { numeric: true }) : one - two;
  return backwards ? -order : order;
}

export function frameTable(panel, pick) {
  const heads = COLUMNS.map((column) => columnHead(panel, column));
  const body = make("tbody", { keydown: (event) => moveFocus(event, body, panel) });
  const pickHead = make("th", { scope: "col" }, LABELS.files);
  const head = make("thead", {}, make("tr", {}, pickHead, ...heads.map(({ element }) => element)));
  const table = make("table", { "aria-label": "Frames of the night" }, head, body);
  let drawn = "";
  const update = () => {
    const { frames } = panel.get("listing");
    const rows = listedRows(panel);
    const wanted = JSON.stringify([rows, frames.map((frame) => frame.name)]);
    if (wanted !== drawn)
      build(
        body,
        rows.map((n) => tableRow(panel, n, pick)),
      );
    drawn = wanted;
    for (const { mark } of heads) mark();
    showRows(body, panel.get("selected"));
  };
  return { element: make("div", { class: "darkcal-table" }, table), update };
}

function columnHead(panel, [key, title]) {
  const button = makeButton(title, `Sort by ${title}; once more: backwards`, () => {
    const [now, backwards] = panel.get("sort");
    panel.set({ sort: [key, now === key && !backwards] });
  });
  const element = make("th", { scope: "col", class: NUMBERS.includes(key) ? "darkcal-number" : "" }, button);
  const mark = () => {
    const [now, backwards] = panel.get("sort");
    const order = backwards ? "descending" : "ascending";
    element.setAttribute("aria-sort", now === key ? order : "none");
  };
  return { element, mark };
}

function build(body, lines) {
  const focused = body.getRootNode().activeElement?.closest?.("tr")?.dataset.row;
  body.replaceChildren(...lines);
  if (focused !== undefined) body.querySelector(`tr[data-row="${focused}"]`)?.focus();
}

function tableRow(panel, n, pick) {
  const frame = panel.get("listing").frames[n];
  const toggle = () => {
    const { picked } = panel.get("selected");
    if (frame.dark) pick(picked.includes(n) ? picked.filter((other) => other !== n) : [...picked, n]);
  };
  const look = () => frame.trouble || panel.set({ frame: frame.name, marked: [frame.name] });
  const click = (event) => {
    if (frame.trouble) return;
    if (event.shiftKey) markUpTo(panel, n);
    else if (event.ctrlKey || event.metaKey) markAlso(panel, n);
    else look();
  };
  const cells = COLUMNS.map(([key]) =>
    make(
      "td",
      { class: NUMBERS.includes(key) ? "darkcal-number" : "" },
      TEXTS[key]?.(frame[key]) ?? frame[key],
    ),
  );
  const line = make(
    "tr",
    {
      tabindex: "-1",
      "data-row": n,
      class: frame.trouble ? "darkcal-unreadable" : "",
      title:
        frame.trouble ||
        "Click or press Enter to look at this frame; Space picks it. Ctrl or Shift and a click mark several",
      click,
      keydown: (event) => {
        const act = { Enter: look, " ": toggle }[event.key];
        if (event.target !== line || !act) return;
        act();
        event.preventDefault();
      },
    },
    make("td", {}, pickBox(frame, toggle)),
    ...cells,
  );
  return line;
}

// Marked frames are those of which something can be said; the one looked at is always the first to be marked.
function markRows(panel, rows) {
  const { frames } = panel.get("listing");
  panel.set({ marked: rows.filter((n) => !frames[n].trouble).map((n) => frames[n].name) });
}

function markAlso(panel, n) {
  const { marked } = panel.get("selected");
  markRows(panel, marked.includes(n) ? marked.filter((other) => other !== n) : [...marked, n]);
}

function markUpTo(panel, n) {
  const rows = listedRows(panel);
  const from = Math.max(0, rows.indexOf(panel.get("selected").row));
  const [start, stop] = [from, rows.indexOf(n)].sort((a, b) => a - b);
  markRows(panel, rows.slice(start, stop + 1));
}

function pickBox(frame, toggle) {
  return make("input", {
    type: "checkbox",
    tabindex: "-1",
    disabled: !frame.dark,
    "aria-label": `Calibrate ${frame.name}`,
    title: frame.dark ? "Calibrate this dark" : "Only darks are calibrated",
    click: (event) => event.stopPropagation(),
    change: toggle,
  });
}

function showRows(body, { picked, marked, row: lookedAt }) {
  const chosen = new Set(picked);
  for (const line of body.rows) {
    const n = Number(line.dataset.row);
    line.querySelector("input").checked = chosen.has(n);
    line.classList.toggle("darkcal-looked", n === lookedAt);
    line.setAttribute("aria-current", n === lookedAt);
    line.classList.toggle("darkcal-marked", marked.includes(n));
    line.tabIndex = n === lookedAt ? 0 : -1;
  }
  if (body.rows.length && !body.querySelector('tr[tabindex="0"]')) body.rows[0].tabIndex = 0;
}

// One row of the list can be reached by Tab, the others by the arrow keys.
function moveFocus(event, body, panel) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const line = event.target.closest("tr");
  if (!step || !line) return;
  event.preventDefault();
  const next = body.rows[[...body.rows].indexOf(line) + step];
  if (!next) return;
  line.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
  if (event.shiftKey) markUpTo(panel, Number(next.dataset.row));
}
