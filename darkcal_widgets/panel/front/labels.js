// What the controls of parameters are called. A message of Python calls them by their names, and is shown with their labels.

export const LABELS = {}; // name of each parameter to its label, as the kernel has them
let named = /$^/g;

export function learnLabels(labels) {
  Object.assign(LABELS, labels);
  // Names that are not also words, nor parts of a path or of Python code.
  const names = Object.keys(LABELS).filter((name) => name.includes("_") || name === "overwrite");
  named = new RegExp(`(?<![\\w./])(${names.join("|")})(?![\\w/]|\\.\\w|=)`, "g");
}

export function inLabels(text) {
  return text.replace(named, (name) => `“${LABELS[name]}”`);
}
