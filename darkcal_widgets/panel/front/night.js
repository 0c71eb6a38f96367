// 1. The night: its folders, the list of its frames, and which darks are picked.

import { pairs, textControl } from "./controls.js";
import { choose, labelled, make, makeButton, row, section, setText } from "./elements.js";
import { imageControls } from "./images.js";
import { kindControls } from "./kinds.js";
import { inLabels, LABELS } from "./labels.js";
import { listControls, listedRows } from "./listed.js";
import { frameTable } from "./table.js";

export function nightPart(panel) {
  const controls = [rawFolder(panel), darkFolder(panel), ...listControls(panel)];
  const pickers = pickButtons(panel);
  const table = frameTable(panel, (rows) => pick(panel, rows));
  const kinds = kindControls(panel);
  const images = imageControls(panel);
  const filesTrouble = make("p", { class: "darkcal-trouble", role: "status" });
  const notes = make("div", { class: "darkcal-notes", role: "status" });
  const element = section(
    "1. The night",
    row(...controls.map((control) => control.element)),
    table.element,
    row(pickers.element, kinds.element),
    filesTrouble,
    images.element,
    notes,
  );
  const update = () => {
    for (const part of [...controls, pickers, table, kinds, images]) part.update();
    setText(filesTrouble, inLabels(panel.get("problems").files ?? ""));
    notes.replaceChildren(...panel.get("listing").notes.map((note) => make("p", {}, inLabels(note))));
  };
  const shows = [
    "raw_folder",
    "dark_folder",
    "image_types",
    "listed",
    "exposure",
    "temperature",
    "search",
    "sort",
    "listing",
    "selected",
    "chosen",
    "problems",
  ];
  return { element, update, shows };
}

// Picking all darks is picking no names, so that a dark which comes later belongs to them. What `files` says of bias frames stays,
// unless no dark is left: alone it would mean all of them.
function pick(panel, rows) {
  const picked = new Set(rows);
  const darks = panel
    .get("listing")
    .frames.map((frame, n) => ({ ...frame, n }))
    .filter(({ dark }) => dark);
  const names = darks.filter(({ n }) => picked.has(n)).map(({ name }) => name);
  const biases = (panel.get("files") ?? []).filter((name) => name.startsWith("bias:"));
  const wanted = names.length === darks.length ? [] : names;
  if (names.length === 0) panel.set({ files: [] });
  else panel.set({ files: wanted.length + biases.length ? [...wanted, ...biases] : null });
}

function rawFolder(panel) {
  const tip = "The folder of raw frames, as seen from where the notebook runs";
  return textControl(panel, "raw_folder", LABELS.raw_folder, tip, {
    choices: "raw_folder",
    width: "22em",
  });
}

function darkFolder(panel) {
  const control = make("select", {
    "data-name": "dark_folder",
    change: () => panel.set({ dark_folder: control.value }),
  });
  const field = labelled(LABELS.dark_folder, control, "The subfolder of the darks, or the night itself");
  const update = () => {
    const inside = panel.get("listing").folders?.dark_folder ?? [];
    choose(control, [["", "the night's folder"], ...pairs(inside)], panel.get("dark_folder") ?? "");
    field.mark(panel.get("problems").dark_folder);
  };
  return { ...field, update };
}

function pickButtons(panel) {
  const picked = () => panel.get("chosen").picked;
  const listed = () => listedRows(panel).filter((n) => panel.get("listing").frames[n].dark);
  const count = make("span", { class: "darkcal-count", role: "status" });
  const element = row(
    makeButton("Pick listed", "Pick every dark in the list above", () =>
      pick(panel, [...picked(), ...listed()]),
    ),
    makeButton("Leave out listed", "Leave out every dark in the list above", () => {
      const out = new Set(listed());
      pick(
        panel,
        picked().filter((n) => !out.has(n)),
      );
    }),
    makeButton("Pick only listed", "Pick the darks in the list above and no others", () =>
      pick(panel, listed()),
    ),
    count,
  );
  const update = () => {
    const darks = panel.get("listing").frames.filter((frame) => frame.dark).length;
    setText(count, `${picked().length} of ${darks} darks picked`);
  };
  return { element, update };
}
