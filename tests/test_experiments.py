"""Settings, trials, parallel runs, and the command line."""

import errno
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle, islice, takewhile
from pathlib import Path

import joblib
import pytest

from lstm97.experiments.cli import main
from lstm97.experiments.reproduce import QUICK, full, quick
from lstm97.experiments.runner import NEXT, _work, run_trials
from lstm97.experiments.settings import load_matrix, load_settings
from lstm97.experiments.statistics import summarize, verdict
from lstm97.experiments.store import Store
from lstm97.experiments.trial import run_trial
from test_store import record as made_up_record

SETTINGS = load_settings()
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
FIELDS = {
    "id", "method", "trial", "seed", "solved", "n_sequences", "n_wrong", "n_test", "reason",
    "seconds",
}  # fmt: skip


def easy(**changes):
    """Return a setting that is solved within seconds."""
    setting = SETTINGS["exp4-100"]
    return replace(
        setting,
        **{
            "task": {"name": "adding", "T": 20},
            "stop": {"rule": "recent", "tolerance": 0.3, "window": 200},
            "n_test": 100,
            **changes,
        },
    )


AT_ONCE = {"rule": "recent", "tolerance": 2.0, "window": 200}


def without_times(records):
    return sorted(
        ({k: v for k, v in r.items() if k != "seconds"} for r in records),
        key=lambda record: record["trial"],
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_the_net_of_a_setting_has_the_papers_weights(name):
    setting = SETTINGS[name]
    task, estimator = setting.make_task(), setting.make_estimator()
    if setting.method == "lstm":
        estimator.set_params(initial_blocks=None)
    estimator._build(task.n_inputs, task.n_outputs)
    topology = estimator.topology_
    for _ in range(setting.network.get("max_hidden", 0)):
        topology = topology.with_unit()
    assert topology.n_weights == setting.weights


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_runs(name):
    """Train on a few sequences only, and check the fields of the record."""
    setting = replace(SETTINGS[name], limit=3, n_test=2)
    record = run_trial(setting, 0, 0)
    assert record.keys() >= FIELDS
    assert record["id"] == name
    # At least one epoch is run, and the training set of embedded Reber has a fixed size.
    assert (record["n_sequences"], record["reason"]) == (max(3, setting.training_set), "limit")
    assert 0 <= record["n_wrong"] <= record["n_test"]


def test_readings_of_a_row():
    rows = {setting.row for setting in SETTINGS.values()}
    assert rows <= SETTINGS.keys()
    for setting in SETTINGS.values():
        literal = SETTINGS[setting.row]
        assert setting.paper == literal.paper
        assert (setting.table, setting.trials) == (literal.table, literal.trials)
        assert setting.id == setting.row or setting.digest != literal.digest


# The stop rules of the paper's Tables 8 and 11.
STOPS = {
    "exp4-100": {"tolerance": 0.04, "mean_error": 0.01},
    "exp5-100-140": {"tolerance": 0.04, "max_wrong": 139},
    "exp5-100-13": {"tolerance": 0.04, "max_wrong": 12},
    "exp6a": {"tolerance": 0.3, "mean_error": 0.1},
    "exp6b": {"tolerance": 0.3, "mean_error": 0.1},
}
TOLERANCES = {2: 0.25, 3: 0.2, 4: 0.2, 5: 0.2, 6: 0.1, 7: 0.04, 8: 0.04, 9: 0.3}


def test_stop_rules_are_the_papers():
    for name, stop in STOPS.items():
        assert SETTINGS[name].stop == {"rule": "recent", **stop}
    for setting in SETTINGS.values():
        if setting.table in TOLERANCES:
            assert setting.make_task().tolerance == TOLERANCES[setting.table]


def test_streams_of_random_numbers_are_independent(monkeypatch):
    class Recorded(type(SETTINGS["exp4-100"].make_task())):
        drawn = []  # noqa: RUF012

        def prepare(self, rng):
            self.drawn.append(rng.random())

        def draw(self, n, rng):
            self.drawn.append(rng.random())
            return super().draw(n, rng)

    setting = easy(limit=1, stop={"rule": "exam", "every": 1, "stages": {"all": {"max_wrong": 0}}})
    task = Recorded(20, -1.0, 0.0, lambda a, b: a + b)
    monkeypatch.setattr(type(setting), "make_task", lambda _: task)
    run_trial(setting, 0, 0)
    assert len(task.drawn) == 4  # sets, training, exam, test
    run_trial(setting, 1, 0)
    run_trial(setting, 0, 1)
    assert len(set(task.drawn)) == 12


def test_a_trial_is_solved_and_tested():
    record = run_trial(easy(), trial=3, seed=5)
    assert record.keys() >= FIELDS
    assert record["solved"]
    assert record["reason"] == "solved"
    assert 200 <= record["n_sequences"] < 20_000
    assert 0 < record["n_wrong"] <= 100
    assert 0 < len(record["curve"]) <= 40
    assert (record["trial"], record["seed"], record["n_test"]) == (3, 5, 100)


def test_a_trial_that_is_not_solved_says_so():
    record = run_trial(easy(limit=1500, stop={"rule": "recent", "tolerance": 1e-9}), 0, 0)
    assert (record["solved"], record["reason"]) == (False, "limit")
    assert record["n_sequences"] == 1500


def test_a_seed_means_what_it_meant():
    """Published records can be made again only as long as this holds."""
    expected = Store(RESULTS).read(SETTINGS["exp6a"], seed=0)[0]
    record = {**expected, **run_trial(SETTINGS["exp6a"], 0, 0)}
    assert without_times([record]) == without_times([expected])


def test_records_do_not_depend_on_jobs_or_backend():
    expected = without_times(run_trials([(easy(), i) for i in range(4)], seed=1, n_jobs=1))
    assert [record["trial"] for record in expected] == [0, 1, 2, 3]
    assert len({record["n_sequences"] for record in expected}) > 1
    assert without_times(run_trials([(easy(), i) for i in range(4)], seed=1, n_jobs=2)) == expected
    with joblib.parallel_config(backend="threading"):
        assert (
            without_times(run_trials([(easy(), i) for i in range(4)], seed=1, n_jobs=2)) == expected
        )
    assert without_times(run_trials([(easy(), i) for i in range(4)], seed=2, n_jobs=1)) != expected


class Threads(ThreadPoolExecutor):
    """Threads in place of processes; these have no parent to watch."""

    def __init__(self, n, **_):
        super().__init__(n)

    def shutdown(self, kill_workers):
        super().shutdown()


@pytest.mark.parametrize("n", [2, 9, 10])
def test_processes_share_a_few_trials_evenly(monkeypatch, n):
    """Both would take all trials if they could."""
    shares, numbers = [[], []], iter(range(2))

    def work(connection, first, seed):
        own = shares[next(numbers)]
        own.append(first)
        while sum(map(len, shares)) < n:
            connection.send(NEXT)
            own.extend(filter(None, [connection.recv()]))
        for _, trial in own:
            connection.send({"trial": trial})

    monkeypatch.setattr("lstm97.experiments.runner._work", work)
    monkeypatch.setattr("lstm97.experiments.runner.ProcessPoolExecutor", Threads)
    records = list(run_trials([(easy(), i) for i in range(n)], n_jobs=2))
    assert sorted(record["trial"] for record in records) == [*range(n)]
    assert sorted(map(len, shares)) == [n // 2, n - n // 2]


def test_an_error_in_a_process_ends_the_run(monkeypatch):
    numbers = iter(range(2))

    def work(connection, first, seed):
        if next(numbers) == 0:
            raise MemoryError(f"trial {first[1]} is too large")

    monkeypatch.setattr("lstm97.experiments.runner._work", work)
    monkeypatch.setattr("lstm97.experiments.runner.ProcessPoolExecutor", Threads)
    with pytest.raises(MemoryError, match="trial 0 is too large"):
        list(run_trials([(easy(), i) for i in range(2)], n_jobs=2))


def test_list_shows_every_experiment(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in SETTINGS)
    assert "1,273,000" in out


def as_a_terminal(monkeypatch):
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("width", [20, 40, 80])
def test_list_cuts_nothing_off(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    as_a_terminal(monkeypatch)
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    found = {words[0]: words for line in out.splitlines() if (words := line.split())}
    for name, setting in SETTINGS.items():
        figures = [setting.published_count, setting.published_success]
        assert found[name][1:4] == [setting.method, *figures]


def test_list_tells_readings_of_a_row_apart(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")
    as_a_terminal(monkeypatch)
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, setting in SETTINGS.items():
        at = next(i for i, line in enumerate(lines) if line.split()[:1] == [name])
        said = takewhile(lambda line: line.startswith("- "), map(str.strip, lines[at + 1 :]))
        assert [line.removeprefix("- ") for line in said] == setting.departures


@pytest.fixture
def only_easy(monkeypatch):
    monkeypatch.setattr(
        "lstm97.experiments.cli.load_settings", lambda: {"exp4-100": easy(limit=200_000)}
    )


@pytest.mark.usefixtures("only_easy")
def test_run_prints_records(capsys, tmp_path):
    arguments = ["run", "exp4-100", "--trials", "3", "--jobs", "1", "--seed", "1", "--json"]
    arguments += ["--store", str(tmp_path)]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    expected = without_times(run_trials([(easy(limit=200_000), i) for i in range(3)], seed=1))
    assert [{**r, **e} for r, e in zip(without_times(records), expected, strict=True)] == (
        without_times(records)
    )
    assert "exp4-100: 3 of 3 trials done" in captured.err
    # Stored trials are not run again.
    assert main(arguments) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == sorted(
        records, key=lambda record: record["trial"]
    )


@pytest.mark.usefixtures("only_easy")
@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_stored_trials_are_always_left_out(capsys, tmp_path, resume):
    arguments = ["run", "exp4-100", "--jobs", "1", "--json", "--store", str(tmp_path), *resume]
    assert main([*arguments, "--trials", "1"]) == 0
    first = capsys.readouterr().out
    assert main([*arguments, "--trials", "2"]) == 0
    lines = capsys.readouterr().out.splitlines(keepends=True)
    assert len(lines) == 2
    assert lines[0] == first


@pytest.mark.usefixtures("only_easy")
def test_run_sets_ours_beside_the_papers(capsys, tmp_path):
    arguments = ["run", "exp4-100", "--trials", "2", "--jobs", "1", "--store", str(tmp_path)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "74,000" in out
    assert "Departure: linear output unit" in out


def test_quick_and_full_runs_share_their_trials(capsys, tmp_path, monkeypatch):
    """A quick run makes ten trials, which a full run goes on from."""
    settings = {"exp4-100": easy(stop=AT_ONCE, trials=12), "exp6b": SETTINGS["exp6b"]}
    monkeypatch.setattr("lstm97.experiments.cli.load_settings", lambda: settings)
    where = ["--store", str(tmp_path / "store"), "--report", str(tmp_path / "report")]
    assert main(["reproduce", "--quick", "--jobs", "1", *where]) == 0
    captured = capsys.readouterr()
    assert "all experiments: 10 of 10 trials done" in captured.err
    assert re.search(r"exp4-100 +10 +100% +[\d,]+ +74,000 +faster", captured.out)
    assert "1 settings: 1 faster." in captured.out
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "A quick run: 10 trials" in page
    assert "exp6b" not in page
    assert main(["report", *where]) == 0
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "A quick run" not in page
    assert 'class="reading faster"' in page
    assert 'class="reading not-run"' in page


@pytest.mark.parametrize("extent", ["--quick", "--full"])
def test_reproduce_can_be_limited_to_one_method(capsys, tmp_path, monkeypatch, extent):
    names = ["exp1-elman", "exp4-100", "exp2a-rtrl-4-1", "exp6a", "exp2a-rtrl-4-4-fast"]
    monkeypatch.setattr(
        "lstm97.experiments.cli.load_settings", lambda: {name: SETTINGS[name] for name in names}
    )
    ran = []

    def run(wanted, store, *_):
        ran.append([*wanted])
        for setting, _ in wanted.values():
            yield store.append(setting, made_up_record(0, setting=setting))

    monkeypatch.setattr("lstm97.experiments.cli.run_missing", run)
    where = ["--store", str(tmp_path / "store"), "--report", str(tmp_path / "report")]
    assert main(["reproduce", extent, "--method", "lstm", *where]) == 0
    assert main(["reproduce", extent, "--method", "rtrl", *where]) == 0
    rtrl = ["exp2a-rtrl-4-4-fast"] if extent == "--quick" else ["exp2a-rtrl-4-1", *names[-1:]]
    assert ran == [["exp4-100", "exp6a"], rtrl]
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert SETTINGS["exp2a-rtrl-4-4-fast"].title in page
    assert SETTINGS["exp6a"].title not in page
    capsys.readouterr()
    if extent == "--quick":
        assert main(["reproduce", extent, "--method", "elman", *where]) == 1
        assert "no row of elman is fast; run its rows by --full" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["reproduce", "--method", "guessing", *where])
    assert "choose from" in capsys.readouterr().err


@pytest.fixture
def no_trial(monkeypatch):
    def ran(*arguments):
        raise AssertionError("a trial was run")

    monkeypatch.setattr("lstm97.experiments.runner.run_trials", ran)


def unusable(kind, folder):
    """Return a path that cannot be a folder with new files."""
    if kind == "below a file":
        (folder / "file").write_text("")
        return folder / "file" / "below"
    if kind == "no file can be made":
        if not Path("/proc/self").is_dir():
            pytest.skip("no such folder here")
        return Path("/proc/self")
    (folder / "file").write_text("")
    return folder / "file"


@pytest.mark.usefixtures("only_easy", "no_trial")
@pytest.mark.parametrize("kind", ["a file", "below a file", "no file can be made"])
@pytest.mark.parametrize(
    "command",
    ["run exp4-100 --store", "reproduce --report s --store", "reproduce --store s --report",
     "matrix --report s --store", "matrix --store s --report"],
)  # fmt: skip
def test_an_unusable_folder_is_found_before_a_trial_runs(
    capsys, tmp_path, monkeypatch, command, kind
):
    monkeypatch.chdir(tmp_path)
    path = unusable(kind, tmp_path)
    assert main([*command.split(), str(path), "--jobs", "1"]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "lstm97:" in line)
    assert str(path) in line


@pytest.mark.usefixtures("only_easy", "no_trial")
def test_a_file_that_cannot_be_written_is_found_before_a_trial_runs(capsys, tmp_path, monkeypatch):
    def refused(path, mode="r", *arguments, **options):
        if mode == "ab":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(path, mode, *arguments, **options)

    opened = Path.open
    (tmp_path / "exp4-100.jsonl").write_text("")
    monkeypatch.setattr(Path, "open", refused)
    assert main(["run", "exp4-100", "--jobs", "1", "--store", str(tmp_path)]) == 1
    assert "exp4-100.jsonl" in capsys.readouterr().err


@pytest.mark.usefixtures("only_easy")
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_worker_that_is_killed_leaves_what_is_stored(capsys, tmp_path, monkeypatch):
    class Deadly:
        """Connection that kills the process that asks for a trial after its first record."""

        def __init__(self, connection):
            self._connection, self._sent = connection, []

        def send(self, message):
            self._connection.send(message)
            self._sent.append(message)

        def recv(self):
            if any(message != NEXT for message in self._sent):
                os.kill(os.getpid(), signal.SIGKILL)
            return self._connection.recv()

    def work(connection, first, seed):
        return _work(Deadly(connection), first, seed)

    arguments = ["run", "exp4-100", "--trials", "8", "--jobs", "2", "--json"]
    arguments += ["--store", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr("lstm97.experiments.runner._work", work)
        assert main(arguments) == 1
    captured = capsys.readouterr()
    done = captured.out.splitlines()
    assert 0 < len(done) < 8
    assert "lstm97: a worker process was killed" in captured.err
    assert f"{len(done)} of 8 trials are stored" in captured.err
    assert (tmp_path / "exp4-100.jsonl").read_text().splitlines() == done
    assert main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) == 8


def test_full_makes_the_papers_trials_and_quick_ten_of_those_that_are_fast():
    """By the committed records, which have run side by side, three minutes on two cores suffice."""
    short, whole = quick(SETTINGS), full(SETTINGS)
    assert whole == {name: (setting, setting.trials) for name, setting in SETTINGS.items()}
    assert short == {name: (SETTINGS[name], 10) for name in sorted(QUICK, key=[*SETTINGS].index)}
    published, seconds, verdicts = Store(RESULTS), 0.0, Counter()
    for setting, _ in short.values():
        records = published.read(setting, seed=0)[:10]
        seconds += sum(record["seconds"] for record in records)
        verdicts[verdict(setting, summarize(setting, records))] += 1
    assert seconds < 240
    assert verdicts["reproduced"] >= 8


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["run", "exp99"], ["run", "exp6a", "--trials", "0"],
     ["run", "exp6a", "--jobs", "0"], ["run", "exp6a", "--seed", "-1"]],
)  # fmt: skip
def test_bad_arguments_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "usage: lstm97" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--jobs", "--trials", "--seed"])
@pytest.mark.parametrize("text", ["x", "1.5", ""])
def test_arguments_must_be_whole_numbers(option, text, capsys):
    with pytest.raises(SystemExit):
        main(["run", "exp6a", option, text])
    assert f"argument {option}: {text!r} is not a whole number" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="signals to a process group")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_says_what_was_done(jobs, tmp_path):
    command = [sys.executable, "-m", "lstm97", "run", "exp3b-100-3", "--trials", "50", "--json"]
    with subprocess.Popen(
        [*command, "--jobs", jobs, "--store", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A suite that runs in the background hands down an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        first = json.loads(process.stdout.readline())
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    done = 1 + len(out.splitlines())
    assert first["id"] == "exp3b-100-3"
    assert process.returncode == 130
    assert f"Interrupted: {done} of 50 trials done. Run the command again to go on." in err
    assert "Traceback" not in err


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("n_kills", [1, pytest.param(20, marks=pytest.mark.long)])
def test_all_processes_of_a_run_end_with_it(n_kills, tmp_path):
    """Whether the signal comes while processes start, or later; the next run goes on."""
    rng, signals = random.Random(n_kills), [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP]
    arguments = ["run", "adding", "--trials", str(20 * n_kills), "--store", str(tmp_path)]
    for number in islice(cycle(signals), n_kills):
        command = [sys.executable, "-m", "lstm97", *arguments, "--jobs", "2"]
        with subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            start_new_session=True,
            # A suite that runs under nohup hands down an ignored SIGHUP.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        ) as process:
            time.sleep(rng.uniform(1, 5))
            process.send_signal(number)
            process.communicate(timeout=5)  # until no process has this end of the pipe
        assert process.returncode == -number
    assert main([*arguments, "--jobs", "1"]) == 0
    setting = load_matrix()["adding"]["lstm"]
    records = Store(tmp_path).read(setting)
    assert [record["trial"] for record in records] == [*range(20 * n_kills)]
    lines = Store(tmp_path).path(setting).read_text().splitlines()
    assert len(lines) == 20 * n_kills
