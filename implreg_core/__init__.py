"""Mathematics and pictures behind the companion to "Implicit Regularization in Deep Learning May Not Be
Explainable by Norms" (Razin & Cohen, NeurIPS 2020).

Import the modules themselves, as in `from implreg_core import problems, ranks`. Double precision is
switched on here, once, because the theory is about losses that single precision cannot resolve.
"""

import os

import jax

__version__ = "0.1.0"

jax.config.update("jax_enable_x64", True)

# XLA makes one kernel of a whole loop where a step touches few bytes, and several of each step otherwise, which is four
# times slower. Its limit leaves out factors of depth 3 and more. This does nothing where JAX has computed before.
_FLAGS = os.environ.get("XLA_FLAGS", "")
if "xla_backend_extra_options" not in _FLAGS:
    _LIMIT = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=4096"
    os.environ["XLA_FLAGS"] = f"{_FLAGS} {_LIMIT}".strip()
