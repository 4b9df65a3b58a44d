/** The kinds of controls and of views, by the names that a specification gives them. */

import { CONTROLS } from "./controls.js";
import { createGuess } from "./guess_control.js";
import { createGraphView } from "./graph_view.js";
import { createGridView } from "./grid_view.js";
import { createMatrixGrid } from "./matrix_grid.js";
import { createMatrixPad } from "./matrix_pad.js";
import { createMatrixView } from "./matrix_view.js";
import { createSpaceView } from "./space_view.js";
import { createNormField } from "./text_control.js";
import { createView } from "./view.js";

const KINDS = { ...CONTROLS, matrix: createMatrixPad, grid: createMatrixGrid, norm: createNormField,
  guess: createGuess };
const VIEWS = { plot: createView, matrix: createMatrixView, grid: createGridView, graph: createGraphView,
  space: createSpaceView };

/** The controls of a specification; each calls `choose(i, entry)`, with its place and what was chosen. */
export const createControls = (items, id, choose) =>
  items.map((item, i) => KINDS[item.kind](item, `${id}-${i}`, (entry) => choose(i, entry)));

/** The views of a specification, among `controls`; each calls `scrub(row)`, and `turned()` when it is seen anew. */
export const createViews = (items, timeColumn, scrub, controls, turned) =>
  items.map((item) => VIEWS[item.kind](item, timeColumn, scrub, controls, turned));
