// What the controls of parameters are called. A message of Python calls them by their names, and is shown with their labels.

export const LABELS = {
  raw_folder: "Folder of the night",
  dark_folder: "Darks are in",
  reduced_folder: "Folder of results",
  overscan_columns: "Subtract the overscan",
  keep_columns: "Keep",
  amplifiers: "Amplifiers",
  extensions: "Images to calibrate",
  subtract_bias: "Subtract the bias",
  combined_bias: "Combined bias",
  files: "Pick",
  image_types: "The marked frames are",
  unit: "Unit",
  output_dtype: "Type",
  overwrite: "Overwrite",
};

// Names that are not also words, nor parts of a path or of Python code.
const NAMES = Object.keys(LABELS).filter((name) => name.includes("_") || name === "overwrite");
const NAMED = new RegExp(`(?<![\\w./])(${NAMES.join("|")})(?![\\w/]|\\.\\w|=)`, "g");

export function inLabels(text) {
  return text.replace(NAMED, (name) => `“${LABELS[name]}”`);
}
