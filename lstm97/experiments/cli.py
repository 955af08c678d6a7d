"""The command line: ``lstm97 list``, ``run``, ``reproduce``, ``report`` and ``matrix``."""

import argparse
import io
import json
import os
import sys
import warnings
from concurrent.futures import BrokenExecutor
from contextlib import closing, suppress
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lstm97.experiments.matrix import TRIALS, wanted_cells
from lstm97.experiments.progress import show_progress
from lstm97.experiments.report import write_matrix, write_report
from lstm97.experiments.reproduce import QUICK_NOTE, full, quick
from lstm97.experiments.runner import run_missing
from lstm97.experiments.settings import load_matrix, load_methods, load_settings
from lstm97.experiments.store import Store, StoreError, make_folder
from lstm97.experiments.summary import comparison, overview

INTERRUPTED = 130  # exit status of shells after Ctrl-C
LEAST_WIDTH = 80  # a narrower list would cut off numbers
WIDEST = 10_000  # of a list for other programs, which is not wrapped
MOST_TRIALS = 1_000_000  # as all missing trials are listed before the first one runs
MOST = 2**31 - 1


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Command-line arguments. None means those of the process.

    Returns
    -------
    status : int
        Exit status: 130 after Ctrl-C, 1 after any other error that is not one of the arguments, and
        0 otherwise.
    """
    _prepare_output()
    try:
        return _status(arguments)
    finally:
        _abandon_output()


def _status(arguments):
    """Run the command; print an error of the environment as one line, and return the status."""
    try:
        try:
            options = _parser().parse_args(arguments)
            return options.command(options)
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        return 1
    except (StoreError, OSError, MemoryError) as error:
        return _print_error(error)


def _prepare_output():
    """Make any text printable, whatever the encoding, also if stdout or stderr is closed."""
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:  # workers inherit these, and need them
        os.set_inheritable(number, True)
        number = os.dup(number)
    os.close(number)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        if isinstance(getattr(sys, name), io.TextIOWrapper):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def _abandon_output():
    """Drop output that cannot be written; Python would try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="lstm97", description="The experiments of Hochreiter and Schmidhuber (1997)."
    )
    parser.add_argument("--version", action="version", version=f"lstm97 {version('lstm97')}")
    parser.set_defaults(command=lambda _: parser.print_help() or 0)
    commands = parser.add_subparsers(metavar="COMMAND")
    command = commands.add_parser("list", help="show the experiments")
    command.set_defaults(command=_list)
    command.add_argument(
        "pattern",
        nargs="?",
        default="",
        metavar="PATTERN",
        help="show only ids that contain this; * and ? stand for any characters",
    )
    command.add_argument(
        "--method", choices=_methods_of_rows(), metavar="M", help="show the rows of one method only"
    )
    command.add_argument(
        "--json", action="store_true", help="print each experiment as a JSON object on one line"
    )
    command = commands.add_parser("run", help="run the missing trials of one experiment")
    command.set_defaults(command=_run, refuse=command.error)
    command.add_argument("id", type=_known_id, metavar="ID", help="an id from `lstm97 list`")
    command.add_argument(
        "--method",
        choices=load_methods(),
        metavar="M",
        help="use another method: " + ", ".join(load_methods()),
    )
    command.add_argument(
        "--trials",
        type=_number(1, MOST_TRIALS),
        default=10,
        metavar="N",
        help="default: %(default)s",
    )
    command.add_argument(
        "--json", action="store_true", help="print each trial as a JSON object on one line"
    )
    _add_common(command)
    command = commands.add_parser("reproduce", help="run every experiment, then write a report")
    command.set_defaults(command=_reproduce)
    extent = command.add_mutually_exclusive_group()
    extent.add_argument(
        "--quick",
        action="store_true",
        help="run ten trials of each row that is fast, in about three minutes (default)",
    )
    extent.add_argument(
        "--full", action="store_true", help="run as many trials as the paper, in hours"
    )
    command.add_argument(
        "--method",
        choices=_methods_of_rows(),
        metavar="M",
        help="run, and report on, the rows of one method only: " + ", ".join(_methods_of_rows()),
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
        "--trials",
        type=_number(1, MOST_TRIALS),
        default=TRIALS,
        metavar="N",
        help="default: %(default)s",
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
        "--seed", type=_number(0), default=0, metavar="S", help="default: %(default)s"
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


def _methods_of_rows():
    """Return the methods of the rows of the paper's tables."""
    return [*dict.fromkeys(setting.method for setting in load_settings().values())]


def _known_id(text):
    """Return an id, or refuse another text and name ids that are similar."""
    names = [*load_settings(), *load_matrix()]
    if text in names:
        return text
    nearest = [name for name in names if text and name.startswith(text)][:5]
    nearest = nearest or get_close_matches(text.lower(), names, n=3, cutoff=0.5)
    meant = f"; did you mean {', '.join(nearest)}?" if nearest else "."
    raise argparse.ArgumentTypeError(f"no experiment {text!r}{meant} `lstm97 list` shows all")


def _number(least, most=MOST):
    """Return a function that converts an argument to an integer within bounds."""

    def number(text):
        value = _whole_number(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is lower than {least}")
        if value > most:
            raise argparse.ArgumentTypeError(f"{value} is higher than {most:,}")
        return value

    return number


def _jobs(text):
    """Convert the argument of --jobs."""
    value = _number(-MOST)(text)
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
    settings = {
        **load_settings(),
        **{name: replace(row["lstm"], id=name) for name, row in load_matrix().items()},
    }
    chosen = [
        setting
        for name, setting in settings.items()
        if fnmatchcase(name, f"*{options.pattern}*") and options.method in (None, setting.method)
    ]
    if not chosen:
        of = f" of {options.method}" if options.method else ""
        return _print_error(f"no experiment{of} has {options.pattern!r} in its id")
    if options.json:
        for setting in chosen:
            print(json.dumps({name: getattr(setting, name) for name in LISTED}))
    else:
        _print_list(chosen)
    return 0


# Fields that `lstm97 list --json` prints.
LISTED = ("id", "method", "title", "departures", "row", "trials", "limit", "paper")


def _print_list(settings):
    """Print settings as a table, which has one line for each if the output is not a terminal."""
    console = Console()
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
    for name in ("paper", "solved"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("task")
    separator = "\n- " if console.is_terminal else "; "
    for setting in settings:
        task = separator.join([setting.title, *setting.departures])
        figures = (
            (setting.published_count, setting.published_success) if setting.paper else ("", "")
        )
        table.add_row(setting.id, setting.method, *figures, Text(task))
    if console.is_terminal:
        console.width = max(console.width, LEAST_WIDTH)
    else:
        table.title = table.caption = None
        console.width = WIDEST
        console.width = console.measure(table).maximum
    console.print(table)


def _run(options):
    """Run `lstm97 run`."""
    try:
        setting = _chosen_setting(options.id, options.method)
    except ValueError as error:
        options.refuse(f"argument --method: {error}")
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
    if not wanted:
        return _print_error(f"no row of {options.method} is fast; run its rows by --full")
    note = "" if options.full else QUICK_NOTE
    title = f"all experiments with {options.method}" if options.method else "all experiments"
    return _run_and_report(wanted, options, title, lambda: _write_report(options, wanted, note))


def _report(options):
    """Run `lstm97 report`."""
    return _write_report(options, full(load_settings()))


def _matrix(options):
    """Run `lstm97 matrix`."""

    def write():
        print(f"Report: {write_matrix(options.report, options.store)}")
        return 0

    wanted = wanted_cells(options.trials)
    return _run_and_report(wanted, options, "all methods on all tasks", write)


def _run_and_report(wanted, options, title, write):
    """Run the missing trials and write the report; return an exit status.

    Nothing is run if the folder of the report cannot be written to.
    """
    make_folder(options.report)
    status, _ = _run_wanted(wanted, options, title)
    return status or write()


def _write_report(options, wanted, note=""):
    """Write the report on all stored records of the wanted settings, whatever their seeds.

    Without a record nothing is written, because it might take the place of a better report.
    """
    folder = options.store.folder
    if not folder.exists():
        return _print_error(f"there is no store {folder}; name another one by --store")
    results = [(setting, options.store.read(setting)) for setting, _ in wanted.values()]
    if not any(records for _, records in results):
        return _print_error(
            f"{folder} has no trials of these experiments, so nothing to report; `lstm97 matrix` "
            "reports tasks that are not in the paper"
        )
    page = write_report(options.report, results, note)
    Console().print(overview(results))
    print(f"Report: {page}")
    return 0


def _print_error(error):
    """Print an error as one line, and return the exit status for it."""
    with suppress(OSError):
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"lstm97: {text}", file=sys.stderr)
    return 1


def _run_wanted(wanted, options, title, show=None):
    """Run the missing trials and show the progress; return an exit status and all records."""
    status, records = 0, []
    total = sum(n_trials for _, n_trials in wanted.values())
    progress = show_progress(title, wanted, options.jobs)
    trials = run_missing(wanted, options.store, options.seed, options.jobs)
    try:
        # After Ctrl-C joblib would warn that workers have not finished.
        with progress as add, warnings.catch_warnings(action="ignore"), closing(trials):
            for record in trials:
                records.append(record)
                if show is not None:
                    show(record)
                add(record)
    except KeyboardInterrupt:
        status = INTERRUPTED
        print(
            f"Interrupted: {len(records)} of {total} trials done. Run the command again to go on.",
            file=sys.stderr,
        )
    except BrokenExecutor:
        status = _print_error(
            f"a worker process was killed, or ran out of memory. {len(records)} of {total} trials "
            "are stored; run the command again for the others"
        )
    return status, records
