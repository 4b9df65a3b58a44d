"""The figures of the book: each function takes results and an axis, draws, and returns the axis.

A chapter's own figures are in the module of its name, as `figures.counterexample`; here is what all share. Nothing is
computed beyond what a picture needs. The hue of a line says what is measured, its dash and its shade which run it is;
colours stand out against white and, inverted by the page, against a dark background.
"""

from implreg_core.figures import (
    any_norm,
    beyond_linear,
    conjectures,
    counterexample,
    data,
    families,
    greedy,
    higher_dimensions,
    identity,
    intro,
    intuition,
    learning_rate,
    no_function,
    optimizers,
    perturbed,
    phase_diagrams,
    proofs,
    symmetric,
    tensor_completion,
    tensors,
    theorem,
    volume,
    which_rank,
    zero_loss,
)
from implreg_core.figures._kit import (
    LOSS,
    UNSEEN,
    Panels,
    apply_style,
    common_legend,
    loss_axis,
    loss_over_time,
    panels,
    power_of_ten,
    unseen_entry,
    unseen_entry_bound,
)
from implreg_core.figures._palette import (
    BLUE,
    COLORS,
    DASHES,
    GREEN,
    GREY,
    MEANINGS,
    METHODS,
    ORANGE,
    PURPLE,
    RED,
    name_lines,
    told_apart,
)

__all__ = ["BLUE", "COLORS", "DASHES", "GREEN", "GREY", "LOSS", "MEANINGS", "METHODS", "ORANGE", "PURPLE", "RED"]
__all__ += ["UNSEEN", "Panels", "apply_style", "common_legend", "loss_axis", "loss_over_time", "name_lines", "panels"]
__all__ += ["power_of_ten", "told_apart", "unseen_entry", "unseen_entry_bound"]
__all__ += ["any_norm", "beyond_linear", "conjectures", "counterexample", "data", "families", "greedy"]
__all__ += ["higher_dimensions", "identity", "intro", "intuition", "learning_rate", "no_function", "optimizers"]
__all__ += ["perturbed", "phase_diagrams", "proofs", "symmetric", "tensor_completion", "tensors", "theorem", "volume"]
__all__ += ["which_rank", "zero_loss"]
