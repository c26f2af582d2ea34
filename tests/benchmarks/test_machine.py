"""What is said about the machine."""

from benchmarks.machine import cores_usable, cpu_model, describe

CPUINFO = """processor\t: 0
vendor_id\t: Made
model\t\t: 17
model name\t: Made-up CPU: 9000
processor\t: 1
model name\t: Another
"""


def test_the_first_model_name_is_taken_and_not_the_model_number() -> None:
    assert cpu_model(CPUINFO) == "Made-up CPU: 9000"
    assert cpu_model("processor : 0\n") == ""


def test_the_description_is_whole() -> None:
    machine = describe()
    assert machine.cpu
    assert 1 <= cores_usable() == machine.cores_usable <= machine.cores
    assert machine.python.startswith("CPython 3.")
    assert machine.clock_ns >= 0
