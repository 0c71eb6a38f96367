// Which frames are listed, in which order, and the controls that choose them.

import { selectControl } from "./controls.js";
import { choose, labelled, make } from "./elements.js";

const known = new WeakMap(); // a listing to what was listed of it last

// Numbers of the frames that are listed, in their order; the same array as long as nothing changes.
export function listedRows(panel) {
  const listing = panel.get("listing");
  const key = JSON.stringify(["listed", "exposure", "temperature", "search", "sort"].map(panel.get));
  if (known.get(listing)?.key !== key)
    known.set(listing, { key, rows: sorted(panel, chosenRows(panel, listing)) });
  return known.get(listing).rows;
}

function chosenRows(panel, { frames, exposures, temperatures }) {
  const groups = [
    exposures.find(({ label }) => label === panel.get("exposure")),
    temperatures.find(({ label }) => label === panel.get("temperature")),
  ].flatMap((group) => (group ? [new Set(group.rows)] : []));
  const words = panel.get("search").toLowerCase().split(/\s+/).filter(Boolean);
  const isAll = panel.get("listed") === "all";
  const isListed = (n) => {
    const { name, type, filter, dark, trouble } = frames[n];
    const text = `${name} ${type} ${filter}`.toLowerCase();
    return (
      (isAll || dark || trouble) &&
      groups.every((group) => group.has(n)) &&
      words.every((word) => text.includes(word))
    );
  };
  return frames.map((_, n) => n).filter(isListed);
}

function sorted(panel, rows) {
  const { frames } = panel.get("listing");
  const [key, isBackwards] = panel.get("sort");
  const words = new Intl.Collator(undefined, { numeric: true });
  const value = ({ [key]: found }) => (Array.isArray(found) ? found[0] * found[1] : found);
  const compare = (a, b) => {
    const [one, two] = [value(frames[a]), value(frames[b])];
    if (one === null || two === null) return (one === null) - (two === null); // what is not known comes last
    const order = typeof one === "string" ? words.compare(one, two) : one - two;
    return isBackwards ? -order : order;
  };
  return rows.sort((a, b) => compare(a, b) || a - b);
}

export function listControls(panel) {
  return [
    selectControl(panel, "listed", "List", "Darks can be picked; all frames can be looked at", [
      ["darks", "darks only"],
      ["all", "all frames"],
    ]),
    groupControl(panel, "exposure", "Exposure", "List the darks of one exposure time only"),
    groupControl(panel, "temperature", "Temperature", "List the darks of one temperature only"),
    searchControl(panel),
  ];
}

// One of the groups of the listing, such as `exposures`.
function groupControl(panel, name, label, tip) {
  const control = make("select", { "data-name": name, change: () => panel.set({ [name]: control.value }) });
  const field = labelled(label, control, tip);
  const update = () => {
    const groups = panel.get("listing")[`${name}s`];
    const texts = groups.map(({ label, rows }) => [label, `${label} (${rows.length})`]);
    const chosen = panel.get(name);
    choose(control, [["", "all"], ...texts], groups.some(({ label }) => label === chosen) ? chosen : "");
    field.element.hidden = groups.length < 2;
  };
  return { ...field, update };
}

function searchControl(panel) {
  const control = make("input", {
    type: "search",
    "data-name": "search",
    "data-live": true,
    input: () => panel.set({ search: control.value }),
  });
  const field = labelled(
    "Search",
    control,
    "List the frames whose file name, type and filter hold these words",
  );
  const update = () => {
    if (control.value !== panel.get("search")) control.value = panel.get("search");
  };
  return { ...field, update };
}
