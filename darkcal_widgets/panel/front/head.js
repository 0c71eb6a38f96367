// Above everything: back and forward between settings, and how they came about.

import { make, makeButton, row, setText } from "./elements.js";
import { inLabels, LABELS } from "./labels.js";

export function headPart(panel) {
  const steps = [
    stepButton(panel, "undo", "back", "Undo", "Ctrl+Z"),
    stepButton(panel, "redo", "forward", "Redo", "Ctrl+Shift+Z"),
  ];
  const start = makeButton(
    "As at the start",
    "Take back all changes: the settings that the panel was made with, as in the cell of parameters",
    () => panel.act("as at the start"),
    { "data-name": "as-at-the-start" },
  );
  const note = make("span", { class: "darkcal-note", role: "status", "data-name": "start" });
  const element = row(...steps.map((step) => step.element), start, note);
  const update = () => {
    const { changed = [], start: how = "" } = panel.get("notes");
    for (const step of steps) step.update();
    start.disabled = changed.length === 0;
    setText(note, inLabels(how));
  };
  return { element, update, shows: ["notes"] };
}

function stepButton(panel, action, way, label, keys) {
  const element = makeButton(label, "", () => panel.act(action), { "data-name": action });
  const update = () => {
    const names = panel.get("notes")[way] ?? [];
    element.disabled = names.length === 0;
    element.title = `${label} (${keys}): ${names.map((name) => LABELS[name]).join(", ") || "nothing was changed"}`;
  };
  return { element, update };
}

// Ctrl+Z goes over all settings; in a text that was not entered yet it is left to the browser.
export function listenForSteps(panel, root) {
  root.addEventListener("keydown", (event) => {
    const isStep = (event.ctrlKey || event.metaKey) && !event.altKey;
    const key = event.key.toLowerCase();
    if (!isStep || !["y", "z"].includes(key) || event.target.matches(":not([data-live])[data-typed]")) return;
    event.preventDefault();
    delete event.target.dataset.typed; // it shows again what holds
    panel.act(key === "y" || event.shiftKey ? "redo" : "undo");
  });
}
