// The way between the page and the panel in Python: traits, and a message for each click. No decision is taken here.

const ON_THEIR_WAY = 2; // steps of a drag that the kernel may still have to answer
const PATIENCE = 400; // milliseconds after which the next one is sent all the same

// Of what a drag sets only the newest waits, until the kernel has answered what was sent before.
export function connect(model, root) {
  let asked = Math.max(model.get("_asked"), model.get("_answered"));
  let waiting = null;
  let sentAt = 0;
  const number = () => {
    asked += 1;
    sentAt = performance.now();
    root.dataset.asked = asked;
    return asked;
  };
  const send = (traits) => {
    waiting = null;
    for (const [name, value] of Object.entries({ ...traits, _asked: number() })) model.set(name, value);
    model.save_changes();
  };
  const isFree = () => asked - model.get("_answered") < ON_THEIR_WAY || performance.now() - sentAt > PATIENCE;
  const flush = () => {
    if (waiting && isFree()) send(waiting);
  };
  const live = (traits) => {
    if (waiting === null) setTimeout(flush, PATIENCE); // should an answer be lost
    waiting = { ...traits, _dragging: true };
    flush();
  };
  const set = (traits) => send({ ...traits, _dragging: false });
  const act = (action) => model.send({ action, asked: number() });
  return { get: (name) => model.get(name), set, live, act, flush };
}
