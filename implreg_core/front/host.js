/**
 * The static page's host: mounts each stored explorer when it comes near the screen, or before printing.
 * Bundled behind explorer.js, whose `render` it calls with a model that answers from the stored runs.
 */

/** The stand-in for a widget model: the part of its interface that explorer.js uses. */
function storedModel({ spec, limits, outcomes }) {
  const answer = (choice) => {
    const index = choice.reduce((sum, value, i) => sum * spec.controls[i].values.length + value, 0);
    return { choice, limits, ...outcomes[index] };
  };
  const state = { spec, choice: spec.default, answer: answer(spec.default) };
  return {
    get: (name) => state[name],
    set: (name, value) => void (state[name] = value),
    save_changes: () => void (state.answer = answer(state.choice)), // at once, so nobody need be told
    on: () => {},
    off: () => {},
  };
}

function mount(figure) {
  if (figure.implreg) return;
  const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  explorer.render({ model: storedModel(data), el: figure });
}

function start() {
  const figures = [...document.querySelectorAll("figure.implreg-explorer")];
  const arrive = (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => mount(entry.target));
  const observer = new IntersectionObserver(arrive, { rootMargin: "400px" });
  figures.forEach((figure) => observer.observe(figure));
  addEventListener("beforeprint", () => figures.forEach(mount));
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
else start();
