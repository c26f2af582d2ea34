"""The exits of a run and the base of every error that Alys raises on purpose.

The type says whose fault it is: ``UsageError`` yours, ``EnvironmentFailure`` the machine's, ``AlysBug`` ours.
"""

import enum


class ExitCode(enum.IntEnum):
    """The verdict as the shell sees it. Precedence is decided in one place, ``runner.verdict``."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    ENVIRONMENT = 3
    INCONCLUSIVE = 4
    THRESHOLD = 5
    INTERRUPTED = 130


class AlysError(Exception):
    """Base of all errors raised on purpose; the message is one line that names the thing and the fix."""

    exit_code: ExitCode = ExitCode.FAIL


class UsageError(AlysError):
    """The command line or the configuration is wrong; nothing was started."""

    exit_code = ExitCode.USAGE


class EnvironmentFailure(AlysError):
    """The machine or a service kept the run from happening (a port in use, a service that is not there)."""

    exit_code = ExitCode.ENVIRONMENT


class Inconclusive(AlysError):
    """Nothing was proven: no samples, nothing collected, a fault that touched nothing."""

    exit_code = ExitCode.INCONCLUSIVE


class ThresholdMissed(AlysError):
    """Everything worked, but not within the figures that were asked for."""

    exit_code = ExitCode.THRESHOLD


class AlysBug(AlysError):
    """An invariant of ours does not hold; please report it."""
