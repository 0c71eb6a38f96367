// 5. Settings to a file and back, and the commands that do the same without the panel.

import { textControl } from "./controls.js";
import { copyText, make, makeButton, row, setText } from "./elements.js";

export function savePart(panel) {
  const fileTip = "A YAML file that papermill -f and darkcal batch read, too";
  const file = textControl(panel, "settings_file", "Settings file", fileTip, { width: "18em" });
  const save = makeButton("Save settings", "Write the settings to the file", () => panel.act("save"), {
    "data-name": "save",
  });
  const load = makeButton("Load settings", "Take the settings from the file", () => panel.act("load"), {
    "data-name": "load",
  });
  const said = make("span", { class: "darkcal-count", role: "status" });
  const where = make("p", { class: "darkcal-note" });
  const papermill = codeBox("papermill, in a terminal");
  const python = codeBox("Python");
  const element = make(
    "details",
    { class: "darkcal-save" },
    make("summary", {}, "5. Save these settings, or run them without the panel"),
    row(file.element, save, load, said),
    where,
    papermill.element,
    python.element,
  );
  const update = () => {
    const code = panel.get("commands");
    file.update();
    setText(said, panel.get("notes").file ?? "");
    const how = `Save the settings, then run this in ${code.folder}:`;
    setText(where, code.papermill ? how : "The commands appear when the settings are right.");
    papermill.update(code.papermill);
    python.update(code.python);
  };
  return { element, update, shows: ["settings_file", "problems", "notes", "commands"] };
}

function codeBox(title) {
  const area = make("textarea", { readonly: true, rows: "1", wrap: "off", "aria-label": title });
  const copy = makeButton("Copy", `Copy: ${title}`, async () => {
    await copyText(area);
    setText(copy, "Copied");
    setTimeout(() => setText(copy, "Copy"), 1500);
  });
  const element = make("div", { class: "darkcal-code" }, make("span", {}, title), copy, area);
  const update = (text = "") => {
    element.hidden = text === "";
    if (area.value !== text) Object.assign(area, { value: text, rows: text.split("\n").length });
  };
  return { element, update };
}
