"""Answers in a process of their own: what comes back, what is refused, what is lost."""

import os
import subprocess
import sys

import psutil
import pytest
import torch

from bookkit.grading import process
from bookkit.grading.apart import Answers, Lost
from bookkit.grading.fence import readable

ANSWERS = """
import os, sys
import torch

class Layer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.ones(2))
    def forward(self, x):
        return x * self.w

def echo(x): return x
def double(x): return 2 * x
def loop(): 
    while True: pass
def leave(): os._exit(0)
def exit(): sys.exit(1)
def divide(x):
    y = 0
    return x / y
def layer(): return Layer()
def stub(): raise NotImplementedError
def flood(): 
    while True: print("x" * 10_000)
def huge(): return torch.zeros(1 << 27)
def attend(q): return torch.nn.functional.scaled_dot_product_attention(q, q, q)
def secret(): return "the_test" in str([f.f_locals for f in sys._current_frames().values()])
"""


@pytest.fixture(scope="module")
def answers():
    with Answers(seconds=20) as kept:
        kept.run("cell", ANSWERS)
        yield kept


def ask(answers, name, *given):
    return answers.stand_in(name)(*given)


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        0.5,
        "words",
        True,
        [1, (2.0, {"a": None})],
        torch.arange(6).view(2, 3).T,
        torch.ones(2, dtype=torch.bool),
        (torch.ones(1), {"k": [torch.zeros(2)]}),
    ],
    ids=str,
)
def test_plain_data_comes_back_as_it_was(answers, value):
    assert str(ask(answers, "echo", value)) == str(value)


def test_a_probe_runs_beside_the_answer_and_sees_its_gradients_and_classes(answers):
    double, layer = answers.stand_in("double"), answers.stand_in("Layer")

    def probe(double, x):
        x = x.requires_grad_()
        double(layer()(x)).sum().backward()
        return x.grad, os.getpid()

    gradient, process = answers.beside(probe, double, torch.ones(2))
    assert gradient.tolist() == [2.0, 2.0]
    assert process != os.getpid()


def test_an_error_arrives_with_its_type_and_its_line(answers):
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        ask(answers, "divide", 1)
    assert caught.value.__notes__ == ["line 19: return x / y"]


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("layer", TypeError, "returned a Layer"),
        ("stub", NotImplementedError, "^$"),
        ("exit", RuntimeError, "SystemExit"),
        ("missing", NameError, "its cell did not define it"),
    ],
)
def test_what_cannot_be_used_is_told_apart(answers, name, error, says):
    with pytest.raises(error, match=says):
        ask(answers, name)


@pytest.mark.parametrize(
    ("name", "says"), [("loop", "no answer in 2"), ("flood", "no answer in 2"), ("leave", "ended")]
)
def test_a_lost_process_costs_one_answer_and_is_asked_once(name, says, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 1000)  # what works for too long is seen by its work
    with Answers(seconds=2) as answers:
        answers.seconds = 20
        answers.run("cell", ANSWERS)
        answers.seconds = 2
        with pytest.raises(Lost, match=says):
            ask(answers, name)
        with pytest.raises(Lost, match="not called again"):
            ask(answers, name)
        answers.seconds = 20
        assert ask(answers, "double", 4) == 8


def test_an_answer_that_only_waits_is_stopped_by_the_clock():
    with Answers(seconds=20) as answers:
        answers.run("cell", "import time\ndef wait(): time.sleep(10_000)")
        answers.seconds = 0.5
        with pytest.raises(Lost, match="no answer in"):
            ask(answers, "wait")


def test_only_the_beginning_of_what_is_printed_is_kept():
    with Answers(seconds=20) as answers:
        answers.run("cell", "def chat():\n    print('x' * 10_000)\n    return 1\nprint('hello')")
        assert answers.printed() == "hello\n"
        assert [ask(answers, "chat"), ask(answers, "chat")] == [1, 1]
        assert answers.printed() == "x" * 2000
        assert answers.printed() == ""


def test_a_step_that_ends_its_process_the_second_time_is_left_out():
    with Answers(seconds=20) as answers:
        answers.run("first", "def one(): return 1")
        answers._steps.append((("cell", "<late>", "import os\nos._exit(1)"), "late", 20))
        answers._process.stop()
        answers._process = None
        assert ask(answers, "one") == 1


def test_a_reply_that_is_too_large_is_refused():
    with Answers(seconds=60) as answers:
        answers.run("cell", ANSWERS)
        with pytest.raises(Lost, match="too much"):
            ask(answers, "huge")


def test_a_cell_that_ends_its_process_is_left_out_and_the_others_run_again():
    with Answers(seconds=30) as answers:
        answers.run("first", "def one(): return 1")
        with pytest.raises(Lost, match="ended"):
            answers.run("second", "import os\nos._exit(3)")
        answers.run("third", "def three(): return one() + 2")
        assert ask(answers, "three") == 3


def test_magics_and_shell_commands_are_passed_over():
    with Answers(seconds=30) as answers:
        answers.run("cell", "%matplotlib inline\n!pip install nothing\ndef f(): return 5")
        answers.run("timed", "%%time\ndef g(): return 6")
        assert (ask(answers, "f"), ask(answers, "g")) == (5, 6)


def test_finished_functions_are_switched_off_also_after_a_restart():
    with Answers(seconds=30) as answers:
        answers.run("cell", ANSWERS)
        answers.switch_off(["torch.nn.functional.scaled_dot_product_attention"])
        for _ in range(2):
            with pytest.raises(PermissionError, match="by hand"):
                ask(answers, "attend", torch.ones(1, 2, 2))
            with pytest.raises(Lost):
                ask(answers, "leave")
            answers._barred.clear()


def test_a_name_that_cannot_be_switched_off_is_an_error_of_ours():
    with Answers(seconds=30) as answers, pytest.raises(ValueError, match="to switch off"):
        answers.switch_off(["torch.nn.Tranformer"])


READ = "open({0!r}).read()"
PAST_PYTHON = "torch.from_file({0!r}, dtype=torch.uint8, size=4)"


def landlock():
    """Tell whether the kernel here can shut a process in."""
    try:
        with open("/sys/kernel/security/lsm") as file:
            return "landlock" in file.read()
    except OSError:
        return sys.platform == "linux" and os.uname().release.split(".") >= ["6"]


@pytest.fixture(scope="module")
def shut_in(tmp_path_factory):
    secret = tmp_path_factory.mktemp("private") / "solution.txt"
    secret.write_text("the solution")
    with Answers(seconds=30) as answers:
        answers.run("cell", "import os, sys, torch, socket, subprocess\nfrom pathlib import Path")
        yield answers, secret


@pytest.mark.parametrize(
    "action",
    [
        READ,
        "os.listdir(os.path.dirname({0!r}))",
        "Path({0!r}).write_text('x')",
        "os.remove({0!r})",
        "os.rename({0!r}, 'mine')",
        "subprocess.run(['cat', {0!r}])",
        "os.system('cat ' + {0!r})",
        "os.fork()",
        "os.kill(os.getppid(), 9)",
        "socket.create_connection(('127.0.0.1', 9), timeout=1)",
        "__import__('ctypes').CDLL(None)",
        "__import__('gc').get_objects()",
    ],
)
def test_what_leaves_the_fence_is_refused_in_words(shut_in, action):
    answers, secret = shut_in
    answers.run("try", f"def attempt(): return str({action.format(str(secret))})")
    with pytest.raises(PermissionError, match="an answer may not"):
        ask(answers, "attempt")
    assert secret.read_text() == "the solution"


def test_a_way_around_python_is_refused_by_the_kernel(shut_in):
    answers, secret = shut_in
    answers.run("try", f"def attempt(): return str({PAST_PYTHON.format(str(secret))})")
    if landlock():
        with pytest.raises(RuntimeError, match="Permission denied"):
            ask(answers, "attempt")
    else:  # an audit hook is a fence, not a prison: the guide says so
        assert ask(answers, "attempt")


def test_an_answer_may_write_in_its_own_folder_and_read_libraries(shut_in):
    answers, _ = shut_in
    source = "def attempt():\n    Path('own').write_text('hello')\n    return open('own').read()"
    answers.run("own", source)
    assert ask(answers, "attempt") == "hello"
    answers.run("library", "import colorsys\ndef late(): return colorsys.__name__")
    assert ask(answers, "late") == "colorsys"


def test_the_course_folder_is_not_readable(shut_in):
    assert not any(place.endswith(("assignments", "code", "main")) for place in readable())


FORGE = """
import io, sys, torch

class Evil:
    def __reduce__(self):
        return __import__("os").mkdir, (MARK,)

def send(what):
    frame, buffer = sys._getframe(), io.BytesIO()
    torch.save(what, buffer)
    while frame:
        line = frame.f_locals.get("connection")
        line and line.send_bytes(buffer.getvalue() if what else b"passed")
        frame = frame.f_back

def nonsense(): send(None)
def another(): send({"ticket": "00" * 8, "printed": "", "value": 1})
def hostile(): send({"ticket": "00" * 8, "printed": "", "value": Evil()})
def after(): return 7
"""


@pytest.mark.parametrize("name", ["nonsense", "another", "hostile"])
def test_a_forged_reply_runs_nothing_and_costs_one_answer(tmp_path, name):
    mark = tmp_path / "mark"
    with Answers(seconds=20) as answers:
        answers.run("forge", f"MARK = {str(mark)!r}{FORGE}")
        with pytest.raises(Lost, match="cannot be read"):
            ask(answers, name)
        assert not mark.exists()
        assert ask(answers, "after") == 7


GRADER = """
from bookkit.grading.apart import Answers
answers = Answers(seconds=600)
answers.run("cell", "def loop():\\n    while True: pass")
print(answers._process._run.pid, flush=True)
answers.stand_in("loop")()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a limit of an hour ends it")
def test_answers_end_with_a_grader_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", GRADER], stdout=subprocess.PIPE) as grader:
        child = psutil.Process(int(grader.stdout.readline()))
        grader.kill()
    gone, alive = psutil.wait_procs([child], timeout=30)
    assert gone and not alive
