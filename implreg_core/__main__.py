"""The command line: `python -m implreg_core sweep FILE`, `status FILE` and `worker ADDRESS`."""

import argparse
import os
import subprocess
import sys
import warnings

from implreg_core import sweeps
from implreg_core.sweeps._execution import check_sources
from implreg_core.sweeps._store import store_of

_CONTINUE = "Finished runs are stored; the same command continues."


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    chosen = _parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"
    try:
        return chosen.command(chosen)
    except (ImportError, ValueError) as error:
        return _say(error, 2)
    except sweeps.RunsFailed as error:
        return _say(_failures(error.failures), 1)
    except OSError as error:  # the scheduler is lost, the disk is full
        return _say(f"{error}. {_CONTINUE}", 1)
    except KeyboardInterrupt:
        return _say(f"stopped. {_CONTINUE}", 130)


def _sweep(chosen):
    sweep = sweeps.read(chosen.file)
    if chosen.dry_run:
        sweeps.function_of(sweep)
        check_sources(sweep, store_of(sweep, chosen.store), chosen.changed)
        workers = chosen.workers or os.cpu_count()
        print(sweeps.plan(sweeps.status(sweep, chosen.store), workers, verbose=chosen.verbose))
        return 0
    names = ("store", "output", "scheduler", "workers", "changed", "quiet")
    options = {name: getattr(chosen, name) for name in names}
    dataset = sweeps.run(sweep, **options)
    if not chosen.quiet:
        print(dataset)
    return 0


def _status(chosen):
    print(sweeps.status(sweeps.read(chosen.file), chosen.store))
    return 0


def _worker(chosen):
    from implreg_core.sweeps._cluster import check_address
    from implreg_core.sweeps._worker import environment

    check_address(chosen.address)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", chosen.address, "--nthreads", "1"]
    command += ["--nworkers", str(chosen.workers or os.cpu_count()), "--no-dashboard"]
    variables = {**os.environ, **environment()}
    if os.name == "nt":  # whose exec returns to the shell at once
        return subprocess.run(command, env=variables).returncode
    os.execve(sys.executable, command, variables)  # a new process: JAX is loaded here already


def _failures(failures):
    shown = [f"{run}:\n{reason}" for run, reason in list(failures.items())[:3]]
    rest = "" if len(failures) <= 3 else f"\n... and {len(failures) - 3} more; the store says how, in *.failed."
    return f"{len(failures)} runs failed; the others are stored.\n" + "\n".join(shown) + rest


def _say(message, status):
    print(f"error: {message}", file=sys.stderr)
    return status


def _positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _parser():
    parser = argparse.ArgumentParser("python -m implreg_core", description="Sweeps over the settings of experiments.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, function, summary, description):
        added = commands.add_parser(
            name, help=summary, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        added.set_defaults(command=function)
        return added

    sweep = command("sweep", _sweep, "compute every run of a sweep file, or those that are missing", _SWEEP)
    sweep.add_argument("--scheduler", metavar="ADDRESS", help="use this Dask scheduler, such as tcp://host:8786")
    status = command("status", _status, "say what is done, missing and failed, and change nothing", _STATUS)
    for one in (sweep, status):
        one.add_argument("file", metavar="FILE", help="a sweep file")
        one.add_argument("--store", metavar="DIR", help="folder of the finished runs (default: NAME.runs beside FILE)")
    sweep.add_argument("--output", metavar="PATH", help="the dataset to write (default: NAME.nc beside FILE)")
    sweep.add_argument(
        "--changed",
        choices=("recompute", "keep"),
        default="stop",
        help="what to do with runs that are stored from before the experiment's source changed (default: stop)",
    )
    sweep.add_argument("--dry-run", action="store_true", help="list the runs and estimate their time; compute nothing")
    sweep.add_argument("--verbose", action="store_true", help="with --dry-run, list all runs")
    sweep.add_argument("--quiet", action="store_true", help="report errors and warnings only")
    worker = command("worker", _worker, "work for a Dask scheduler, with the settings that sweeps need", _WORKER)
    worker.add_argument("address", metavar="ADDRESS", help="of the scheduler, such as tcp://host:8786")
    for one in (sweep, worker):
        one.add_argument("--workers", type=_positive, metavar="N", help="number of processes (default: processors)")
    return parser


_SWEEP = """\
Compute every combination of the settings in FILE with every seed. Each finished run is stored at once; stop with
Ctrl-C, and continue with the same command. Runs that are stored are not computed again. If the experiment's source
has changed since, the sweep stops and says in which files: --changed recompute sets the old runs aside and computes
them anew; --changed keep lets them stand beside new ones, as the dataset's attribute `mixed` then says.

  experiment = "implreg_core.experiments:tensor_completion"   # or module:function of a module beside FILE
  seeds = 5                                                   # 0 to 4; or a list
  [fixed]
  order = 3
  [vary]
  rank = [1, 3]
  init_std = [1e-3, 1e-2]

By default on processes of this machine, one thread each. On a cluster:

  dask scheduler                                     on one machine; prints its ADDRESS
  python -m implreg_core worker ADDRESS              on every machine; needs this package, and the experiment's module
  python -m implreg_core sweep FILE --scheduler ADDRESS

Exit status: 0 all runs done, 1 some failed or the scheduler is lost, 2 FILE or an option is wrong or the experiment's
source has changed, 130 stopped by Ctrl-C."""

_STATUS = "Say how many runs of FILE are done, missing and failed, by setting; and which files were set aside."

_WORKER = """\
Start worker processes, one thread each, for the Dask scheduler at ADDRESS. XLA and OpenBLAS are held to one thread
too, so that results are the same bits on however many workers."""

if __name__ == "__main__":
    sys.exit(main())
