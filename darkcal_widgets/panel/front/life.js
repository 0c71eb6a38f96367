// Whether there is a kernel behind the panel: where there is none, it must not look alive, and says what to do.

import { make, setText } from "./elements.js";

const PATIENCE = 5000; // milliseconds without an answer that are not worth a word
const ENDED = ["restarting", "autorestarting", "terminating", "dead"];
const SENTENCES = {
  gone:
    "This panel has no kernel: it was restarted, stopped or closed. Run the cells again (Run > Run All Cells; in Voila, reload the " +
    "page) to bring it back to life. Changes that were not saved are lost.",
  away:
    "The connection to the kernel is lost, and the page tries to connect again. If it does not, see whether JupyterLab still " +
    "runs, and reload the page.",
  silent: "The kernel does not answer. If it goes on, run the cells again (Run > Run All Cells).",
  busy: "The kernel is busy with a cell; what is set here is shown when that is done.",
};

export function lifeNotice(panel, model, root) {
  const element = make("p", { class: "darkcal-life", role: "alert", hidden: true });
  let told = "";
  const tell = (state) => {
    if (state === told) return;
    told = state;
    element.hidden = state === "";
    setText(element, SENTENCES[state] ?? "");
    const isLifeless = state !== "" && state !== "busy";
    root.classList.toggle("darkcal-lifeless", isLifeless);
    for (const part of root.children) if (part !== element) part.inert = isLifeless;
  };
  return { element, forget: watchLife(panel, model, root, tell) };
}

function watchLife(panel, model, root, tell) {
  const kernel = () => model.widget_manager?.kernel; // undefined where the page does not tell
  let hasEnded = false; // a panel does not come back with another kernel
  let since = null; // waiting for an answer
  const look = () => {
    const isCut = root.closest(".jupyter-widgets-disconnected") !== null;
    hasEnded ||= isCut || kernel() === null || ENDED.includes(kernel()?.status);
    since = panel.isWaiting() ? (since ?? Date.now()) : null;
    tell(hasEnded ? "gone" : stateOf(kernel(), since !== null && Date.now() - since > PATIENCE));
  };
  const first = kernel();
  const clock = setInterval(look, 1000);
  first?.statusChanged?.connect(look);
  return () => {
    clearInterval(clock);
    first?.statusChanged?.disconnect(look);
  };
}

function stateOf(kernel, isLate) {
  if ((kernel?.connectionStatus ?? "connected") !== "connected") return "away";
  if (!isLate) return "";
  return kernel?.status === "busy" ? "busy" : "silent";
}
