/** The kinds of controls and of views, by the names that a specification gives them. */

import { CONTROLS } from "./controls.js";
import { createGuess } from "./guess_control.js";
import { createMatrixPad } from "./matrix_pad.js";
import { createMatrixView } from "./matrix_view.js";
import { createNormField } from "./text_control.js";
import { createView } from "./view.js";

const KINDS = { ...CONTROLS, matrix: createMatrixPad, norm: createNormField, guess: createGuess };
const VIEWS = { plot: createView, matrix: createMatrixView };

/** The controls of a specification; each calls `choose(i, entry)`, with its place and what was chosen. */
export const createControls = (items, id, choose) =>
  items.map((item, i) => KINDS[item.kind](item, `${id}-${i}`, (entry) => choose(i, entry)));

export const createViews = (items, timeColumn, scrub) =>
  items.map((item) => VIEWS[item.kind](item, timeColumn, scrub));
