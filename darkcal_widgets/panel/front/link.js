// The way between the page and the panel in Python: traits, and a message for each click. No decision is taken here.

// What is set is numbered, so that one can see when the panel has answered. ipywidgets sends one change at a time and, while
// the kernel is at it, keeps the newest values only: a drag does not queue up.
export function connect(model, root) {
  let asked = Math.max(model.get("_asked"), model.get("_answered"));
  const number = () => {
    asked += 1;
    root.dataset.asked = asked;
    return asked;
  };
  const send = (traits) => {
    for (const [name, value] of Object.entries({ ...traits, _asked: number() })) model.set(name, value);
    model.save_changes();
  };
  const set = (traits) => send({ ...traits, _dragging: "" });
  const drag = (traits) => send({ ...traits, _dragging: "moves" });
  const rest = (traits) => send({ ...traits, _dragging: "rests" });
  const act = (action, more = {}) => model.send({ ...more, action, asked: number() });
  const isWaiting = () => asked > model.get("_answered");
  return { get: (name) => model.get(name), set, drag, rest, act, isWaiting };
}
