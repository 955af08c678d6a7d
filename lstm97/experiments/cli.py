"""The command line: ``lstm97 list``, ``run``, ``reproduce``, ``report`` and ``matrix``."""

import argparse
import json
import os
import sys
import warnings
from concurrent.futures import BrokenExecutor
from contextlib import closing
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lstm97.experiments.matrix import TRIALS, wanted_cells
from lstm97.experiments.report import write_matrix, write_report
from lstm97.experiments.reproduce import QUICK_NOTE, full, quick
from lstm97.experiments.runner import run_missing
from lstm97.experiments.settings import load_matrix, load_methods, load_settings
from lstm97.experiments.store import Store, StoreError, make_folder
from lstm97.experiments.summary import comparison

INTERRUPTED = 130  # exit status of shells after Ctrl-C
LEAST_WIDTH = 80  # a narrower list would cut off figures


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Command-line arguments. None means those of the process.

    Returns
    -------
    status : int
        Exit status: 1 if a record could not be stored or a worker was killed, 130 after Ctrl-C,
        and 0 otherwise.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="lstm97", description="The experiments of Hochreiter and Schmidhuber (1997)."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("list", help="show the experiments")
    command.set_defaults(command=_list)
    command = commands.add_parser("run", help="run the missing trials of one experiment")
    command.set_defaults(command=_run)
    command.add_argument(
        "id",
        choices=[*load_settings(), *load_matrix()],
        metavar="ID",
        help="an id from `lstm97 list`",
    )
    command.add_argument(
        "--method",
        choices=load_methods(),
        metavar="M",
        help="use another method: " + ", ".join(load_methods()),
    )
    command.add_argument(
        "--trials", type=_at_least(1), default=10, metavar="N", help="default: %(default)s"
    )
    command.add_argument(
        "--json", action="store_true", help="print each trial as a JSON object on one line"
    )
    _add_common(command)
    command = commands.add_parser("reproduce", help="run every experiment, then write a report")
    command.set_defaults(command=_reproduce)
    extent = command.add_mutually_exclusive_group()
    extent.add_argument(
        "--quick", action="store_true", help="run few trials with low limits, in minutes (default)"
    )
    extent.add_argument(
        "--full", action="store_true", help="run as many trials as the paper, in hours"
    )
    methods = [*dict.fromkeys(setting.method for setting in load_settings().values())]
    command.add_argument(
        "--method",
        choices=methods,
        metavar="M",
        help="run, and report on, the rows of one method only: " + ", ".join(methods),
    )
    _add_common(command)
    _add_report(command)
    command = commands.add_parser(
        "report", help="compare the stored results of full runs with the paper's"
    )
    command.set_defaults(command=_report)
    _add_store(command)
    _add_report(command)
    command = commands.add_parser(
        "matrix", help="run every method on every task, then draw the results"
    )
    command.set_defaults(command=_matrix)
    command.add_argument(
        "--trials", type=_at_least(1), default=TRIALS, metavar="N", help="default: %(default)s"
    )
    _add_common(command)
    _add_report(command)
    return parser


def _add_common(command):
    """Add the options of all commands that run trials."""
    command.add_argument(
        "--resume", action="store_true",
        help="skip trials that are already stored; this is always done",
    )  # fmt: skip
    command.add_argument(
        "--jobs",
        type=_jobs,
        default=-1,
        metavar="N",
        help="number of processes that run trials; default: one per core",
    )
    command.add_argument(
        "--seed", type=_at_least(0), default=0, metavar="S", help="default: %(default)s"
    )
    _add_store(command)


def _add_report(command):
    """Add the option for the folder of the report."""
    command.add_argument(
        "--report", type=Path, default=Path("lstm97-report"), metavar="DIR",
        help="folder of the report, created if needed; default: %(default)s",
    )  # fmt: skip


def _add_store(command):
    """Add the option for the folder of records."""
    command.add_argument(
        "--store", type=Store, default=Store("lstm97-results"), metavar="DIR",
        help="folder of records, created if needed; default: lstm97-results",
    )  # fmt: skip


def _at_least(least):
    """Return a function that converts an argument to an integer, and refuses low ones."""

    def number(text):
        value = _whole_number(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is lower than {least}")
        return value

    return number


def _jobs(text):
    """Convert the argument of --jobs."""
    value = _whole_number(text)
    if value == 0:
        raise argparse.ArgumentTypeError("must be at least 1, or -1 for one per core")
    return value


def _whole_number(text):
    """Convert an argument to an integer."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _list(options):
    """Run `lstm97 list`."""
    table = Table(
        title="Experiments, and the paper's number of training sequences to success",
        caption="A line that begins with a dash says how a setting departs from the paper. "
        f"Every setting can be run with each of the methods {', '.join(load_methods())}: "
        "lstm97 run ID --method METHOD",
        box=SIMPLE_HEAD,
        padding=0,
    )
    for name in ("id", "method"):
        table.add_column(name, no_wrap=True)
    table.add_column("task")
    for name in ("paper", "solved"):
        table.add_column(name, justify="right", no_wrap=True)
    for setting in load_settings().values():
        task = "".join([setting.title, *(f"\n- {text}" for text in setting.departures)])
        figures = setting.published_count, setting.published_success
        table.add_row(setting.id, setting.method, Text(task), *figures)
    for name, row in load_matrix().items():
        table.add_row(name, "lstm", Text(f"{row['lstm'].title} (matrix)"))
    console = Console()
    console.width = max(console.width, LEAST_WIDTH)
    console.print(table)
    return 0


def _run(options):
    """Run `lstm97 run`."""
    setting = _chosen_setting(options.id, options.method)
    wanted = {setting.id: (setting, options.trials)}
    show = (lambda record: print(json.dumps(record), flush=True)) if options.json else None
    status, records = _run_wanted(wanted, options, setting.id, show)
    if not options.json and records:
        Console().print(comparison(setting, records))
    return status


def _chosen_setting(name, method):
    """Return the setting with an id, or of a task of the matrix, for a method.

    If the method is None, it is the setting's own, or LSTM for a task of the matrix.
    """
    settings = load_settings()
    if name not in settings:
        return load_matrix()[name][method or "lstm"]
    setting = settings[name]
    return setting if method in (None, setting.method) else setting.by(method)


def _reproduce(options):
    """Run `lstm97 reproduce`."""
    settings = load_settings()
    if options.method:
        settings = {name: s for name, s in settings.items() if s.method == options.method}
    wanted = (full if options.full else quick)(settings)
    note = "" if options.full else QUICK_NOTE
    title = f"all experiments with {options.method}" if options.method else "all experiments"
    return _run_and_report(wanted, options, title, lambda: _write_report(options, wanted, note))


def _report(options):
    """Run `lstm97 report`."""
    return _write_and_print(lambda: _write_report(options, full(load_settings())))


def _matrix(options):
    """Run `lstm97 matrix`."""
    return _run_and_report(
        wanted_cells(options.trials), options, "all methods on all tasks",
        lambda: write_matrix(options.report, options.store),
    )  # fmt: skip


def _run_and_report(wanted, options, title, write):
    """Run the missing trials and write the report; return an exit status.

    Nothing is run if the folder of the report cannot be written to.
    """
    try:
        make_folder(options.report)
    except OSError as error:
        return _print_error(error)
    status, _ = _run_wanted(wanted, options, title)
    return status or _write_and_print(write)


def _write_report(options, wanted, note=""):
    """Write the report on all stored records of the wanted settings, whatever their seeds."""
    results = [(setting, options.store.read(setting)) for setting, _ in wanted.values()]
    return write_report(options.report, results, note)


def _write_and_print(write):
    """Write a report and print where it is; return an exit status."""
    try:
        print(f"Report: {write()}")
    except (StoreError, OSError) as error:
        return _print_error(error)
    return 0


def _print_error(error):
    """Print an error, and return the exit status for it."""
    print(f"lstm97: {error}", file=sys.stderr)
    return 1


def _run_wanted(wanted, options, title, show=None):
    """Run the missing trials with a progress bar; return an exit status and all records."""
    status, records = 0, []
    total = sum(n_trials for _, n_trials in wanted.values())
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    trials = run_missing(wanted, options.store, options.seed, options.jobs)
    try:
        # After Ctrl-C joblib would warn that workers have not finished.
        with progress, warnings.catch_warnings(action="ignore"), closing(trials):
            bar = progress.add_task(title, total=total)
            for record in trials:
                records.append(record)
                if show is not None:
                    show(record)
                progress.advance(bar)
    except KeyboardInterrupt:
        status = INTERRUPTED
        print(f"Interrupted: {len(records)} of {total} trials done.", file=sys.stderr)
    except StoreError as error:
        status = _print_error(error)
    except BrokenExecutor:
        status = _print_error(
            f"a worker process was killed, or ran out of memory. {len(records)} of {total} trials "
            "are stored; run the command again for the others"
        )
    return status, records
