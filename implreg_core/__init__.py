"""Mathematics and pictures behind the companion to "Implicit Regularization in Deep Learning May Not Be
Explainable by Norms" (Razin & Cohen, NeurIPS 2020).

Import the modules themselves, as in `from implreg_core import problems, ranks`. Double precision is
switched on here, once, because the theory is about losses that single precision cannot resolve.
"""

import jax

__version__ = "0.1.0"

jax.config.update("jax_enable_x64", True)
