/** What a reader can take away from an explorer, keep beside it, or take to another one: the rows at its foot. */

import { createOnward } from "./carried.js";
import { button } from "./controls.js";
import { html } from "./elements.js";
import { SAVE } from "./save.js";

const KEEP = "Keep this run";
const FORGET = "Forget it";

/** An element for another page, as high as a figure is now. */
function frameOf(figure, title, address) {
  const element = html("iframe", {
    src: address, title, loading: "lazy", style: "border: 0",
    width: "100%", height: Math.ceil(figure.offsetHeight) + 60,
  });
  return element.outerHTML;
}

/**
 * The buttons. `toggleKept` keeps the run on show or forgets the kept one; `present` is the state that an address
 * holds, `drawing` what SAVE takes, or null; `complain` shows a text where the browser does not let a page copy.
 */
export function createActions({ spec, address, figure, toggleKept, present, drawing, complain }) {
  const keep = button(KEEP, toggleKept, { class: "implreg-keep" });
  const download = (kind) => {
    const held = drawing();
    if (held !== null) void SAVE[kind](spec.slug, held);
  };
  const save = (kind) => button(kind, () => download(kind),
    { "aria-label": `Download ${kind === "CSV" ? "the data" : "the picture"} as ${kind}` });

  async function copyText(pressed, name, text) {
    try {
      await navigator.clipboard.writeText(text);
      pressed.textContent = "Copied";
      setTimeout(() => (pressed.textContent = name), 2000);
    } catch {
      complain(`The browser does not let this page copy. Here it is: ${text}`);
    }
  }

  const copy = (name, title, text) => {
    const node = button(name, () => void copyText(node, name, text()), { title });
    return node;
  };
  const copies = address === undefined ? [] : [
    copy("Copy link", "Copy an address that opens this view", () => address.link(present())),
    copy("Embed", "Copy HTML that shows this view in another page",
      () => frameOf(figure, spec.question, address.alone(present())))];
  const row = html("div", { class: "implreg-actions" },
    keep, ...copies, html("span", {}, "Download"), ...Object.keys(SAVE).map(save));
  const onward = createOnward(spec, address);

  /** Says what the first button does, which keeps a run or forgets it. */
  function setKept(kept) {
    keep.textContent = kept ? FORGET : KEEP;
    if (kept) keep.setAttribute("aria-label", `${FORGET}: the kept run`);
    else keep.removeAttribute("aria-label");
  }

  return { nodes: [row, ...onward.nodes], setKept, setChoice: onward.set };
}
