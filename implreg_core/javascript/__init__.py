r"""JAX functions as JavaScript: one plain function, in double precision, that computes what the JAX function
computes.

A page without Python then runs the package's own source. The function is traced to its jaxpr, which is made
of few primitives, and each of them is written out for single numbers: a 2 x 2 product becomes a dozen
operations. What is known at compile time is computed then, equal expressions are computed once, what a loop
does not change before the loop, and what no result needs not at all.

**Covered:**

- float64, int64, int32, uint32 and bool; arrays of up to 64 entries anywhere, held in local variables;
- larger arrays as arguments, as results, and as a record of rows: filled with a constant, written by
  `x.at[k].set(row)` or by `lax.scan`, read by `x[k]`, `lax.scan` and `lax.map`, where `k` may vary;
- `lax.fori_loop`, `while_loop` and `scan`, nested, with numbers of iterations known only at run time, as
  loops; `lax.cond` and `switch` as branches; `jit`, `custom_jvp`, `custom_vjp` and `checkpoint` inlined; and
  what `grad`, `jvp` and `vmap` make of all this;
- arithmetic, powers, comparisons, logic, `where`, `select`, `clip`, `interp`; exponential, trigonometric and
  hyperbolic functions and their inverses; sums, products, largest and smallest entries, also cumulative; matrix
  products; reshaping, slicing, indexing, concatenation and padding; `tril` and `triu`.

**Not covered:** decompositions (`svd`, `eigh`, ...), random numbers, sorting, rounding to nearest, shifts of bits,
single precision, complex numbers, other integers, arithmetic on larger arrays; of what is covered,
`x.at[k].apply(f)`, `mode="one_hot"`, products by a `DotAlgorithm` or with an `out_dtype`, and `lax.reshape` with
`dimensions`. Such a function is refused with `UnsupportedProgram`, and so is one that sets a parameter of a
primitive of which the compiler does not know what it means.

**How equal the results are:** sums, products, quotients and square roots are rounded as in JAX, bit for bit,
when JAX runs its primitives one by one. Compiled, XLA contracts products and sums into fused operations, may
reorder sums, and takes numbers below 2.2e-308 for zero, as JavaScript does not; `exp`, `log`, `pow` and the
like may differ in their last bits. NaN, infinities and signed zeros are those of JAX. int32 and uint32 wrap
around; int64 is exact up to $2^{53}$, and beyond it is rounded where JAX would still be exact or wrap.
"""

import inspect
import re
from collections.abc import Callable, Sequence

import jax
import numpy as np

from implreg_core.javascript import _arrays
from implreg_core.javascript._arrays import Array, Stored
from implreg_core.javascript._interpreter import UnsupportedProgram, interpret
from implreg_core.javascript._operations import HELPERS, Unsupported
from implreg_core.javascript._program import Buffer, Program, Scalar
from implreg_core.javascript._rules import kind
from implreg_core.javascript._text import written

__all__ = ["UnsupportedProgram", "compile_to_javascript"]

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_RESERVED = frozenset(
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends "
    "false finally for function if implements import in instanceof interface let new null package private protected "
    "public return static super switch this throw true try typeof undefined var void while with yield "
    "Infinity NaN Math Number Float64Array Uint8Array".split()
)


def compile_to_javascript(function: Callable, *example_arguments, name: str) -> str:
    r"""The source of a JavaScript function `name` that computes what `function` computes.

    It takes the leaves of the arguments in the order of `jax.tree.leaves(example_arguments)`: for a scalar a
    number, or `true` or `false`; for an array a flat `Float64Array`, or a `Uint8Array` of truth values, row
    by row. It returns the leaves of the result likewise, several of them in an array. Its JSDoc header names
    them all. It changes none of its arguments and keeps nothing between calls. The text has neither `import`
    nor `export`, so it fits a classic script and a module alike, and equal programs give equal texts.

    **Arguments:** `example_arguments` tell shapes and types only; a Python float stands for a scalar. What `function`
    closes over becomes a constant.

    **Raises:** ValueError if `name` is no JavaScript identifier; `UnsupportedProgram`, a ValueError, that names the
    primitive and the line of the source if `function` uses something that is not covered.

    **Example:**

    ```python
    >>> print(javascript.compile_to_javascript(lambda x: x**2 + 1, 2.0, name="f"))
    /**
     * f: compiled from JAX by implreg_core.javascript. Arrays are flat, row by row.
     *
     * @param {number} x - x: float64
     * @returns {number} float64
     */
    function f(x) {
      return x * x + 1;
    }

    ```
    """
    if not _IDENTIFIER.fullmatch(name) or name in _RESERVED | HELPERS.keys():
        raise ValueError(f"`name` must be a free JavaScript identifier; got {name!r}. Try 'f'.")
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*example_arguments)
    described = _described(function, example_arguments)
    parameters = _parameter_names(described)
    program = Program()
    try:
        arrays = [_parameter(program, *parameter) for parameter in zip(parameters, closed.in_avals, strict=True)]
        results = _results(program, interpret(program, closed, arrays), closed.out_avals)
    except Unsupported as problem:
        raise UnsupportedProgram(f"`function` cannot become JavaScript: it uses {problem}.") from None
    lines, texts = written(program, results, taken=parameters)
    only = jax.tree_util.treedef_is_leaf(jax.tree.structure(shapes))
    returned = texts[0] if only else f"[{', '.join(texts)}]"
    opening = f"function {name}({', '.join(parameters)}) {{"
    header = _header(name, parameters, described, closed, shapes)
    return "\n".join([*header, opening, *lines, f"  return {returned};", "}", ""])


def _parameter(program: Program, name: str, aval) -> Array:
    boolean = kind(aval) == "bool"
    if not aval.shape:
        return _arrays.as_array([Scalar(program.root, name=name)], ())
    return Stored(Buffer(program.root, aval.size, boolean, frozen=True, name=name), aval.shape)


def _results(program: Program, arrays: Sequence[Array], avals) -> list[Scalar | Buffer]:
    """What is returned: numbers, and buffers of which none is an argument and no two are the same."""
    results = []
    for array, aval in zip(arrays, avals, strict=True):
        if not aval.shape:
            (result,) = _arrays.scalars(program, array).ravel()
        elif isinstance(array, np.ndarray):
            result = program.array(aval.size, tuple(array.ravel()), aval.dtype == bool)
        else:
            result = program.copied(array.buffer) if array.buffer.name or array.buffer in results else array.buffer
        results.append(result)
    return results


def _described(function: Callable, example_arguments: tuple) -> list[str]:
    """Where each leaf of the arguments is, in Python, such as `factors[0]`."""
    declared = [parameter.name for parameter in inspect.signature(function).parameters.values()]
    paths, _ = jax.tree_util.tree_flatten_with_path(example_arguments)
    return [declared[min(path[0].idx, len(declared) - 1)] + jax.tree_util.keystr(path[1:]) for path, _ in paths]


def _parameter_names(described: Sequence[str]) -> list[str]:
    """The same as identifiers, all different."""
    names = []
    for text in described:
        name = re.sub(r"[^\w$]+", "_", text, flags=re.ASCII).strip("_") or "argument"
        while name in names or name in _RESERVED | HELPERS.keys():
            name += "_"
        names.append(name)
    return names


def _header(name: str, parameters: Sequence[str], described: Sequence[str], closed, shapes) -> list[str]:
    """The JSDoc comment."""

    def array(aval) -> str:
        return f"{aval.dtype}[{', '.join(map(str, aval.shape))}]" if aval.shape else str(aval.dtype)

    def javascript_type(aval) -> str:
        if aval.shape:
            return "Uint8Array" if aval.dtype == bool else "Float64Array"
        return "boolean" if aval.dtype == bool else "number"

    lines = [f"{name}: compiled from JAX by implreg_core.javascript. Arrays are flat, row by row.", ""]
    for parameter, text, aval in zip(parameters, described, closed.in_avals, strict=True):
        lines.append(f"@param {{{javascript_type(aval)}}} {parameter} - {text}: {array(aval)}")
    results, structure = jax.tree_util.tree_flatten_with_path(shapes)
    if jax.tree_util.treedef_is_leaf(structure):
        lines.append(f"@returns {{{javascript_type(closed.out_avals[0])}}} {array(closed.out_avals[0])}")
    else:
        lines.append(f"@returns {{[{', '.join(javascript_type(aval) for aval in closed.out_avals)}]}}")
        for (path, _), aval in zip(results, closed.out_avals, strict=True):
            lines.append(f"  result{jax.tree_util.keystr(path)}: {array(aval)}")
    return ["/**", *(f" * {line}".rstrip().replace("*/", "* /") for line in lines), " */"]
