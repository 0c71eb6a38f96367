// What frames are, where their headers do not say it: said of the frames that are marked in the list.

import { labelled, make, makeButton, row, setText } from "./elements.js";
import { LABELS } from "./labels.js";

const KINDS = ["bias", "dark", "flat", "science", "other"];
const SHOWN = 6; // of what was said

export function kindControls(panel) {
  const select = make(
    "select",
    { "data-name": "declare", change: () => declare() },
    make("option", { value: "" }, "choose ..."),
    ...KINDS.map((kind) => make("option", { value: kind }, kind)),
    make("option", { value: "header" }, "as their headers say"),
  );
  const declare = () => {
    panel.act("declare", { kind: select.value });
    select.value = "";
  };
  const tip =
    "Say what the marked frames are. Click marks a frame, with Ctrl another one, with Shift all up to it; so do Shift and arrow keys";
  const field = labelled(LABELS.image_types, select, tip, "darkcal-inline");
  const clear = makeButton(
    "Clear",
    "Take back all that was said of frames: their headers count again",
    () => panel.set({ image_types: null }),
    { "data-name": "clear-kinds" },
  );
  const count = make("span", { class: "darkcal-count", role: "status" });
  const said = make("span", { class: "darkcal-note", "data-name": "said" });
  const element = row(field.element, count, clear, said);
  const update = () => {
    const types = Object.entries(panel.get("image_types") ?? {});
    const { marked } = panel.get("chosen");
    field.mark(panel.get("problems").image_types);
    setText(count, marked.length === 1 ? "1 frame marked" : `${marked.length} frames marked`);
    clear.hidden = types.length === 0;
    setText(said, types.length ? `Said here: ${listed(types)}` : "");
  };
  return { element, update };
}

function listed(types) {
  const some = types.slice(0, SHOWN).map(([key, kind]) => `${key.replace(/^file=/, "")} is ${kind}`);
  const more = types.length - some.length;
  return some.join(", ") + (more ? ` and ${more} more` : "");
}
