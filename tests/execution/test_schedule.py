"""Which job goes next."""

from __future__ import annotations

from benchbert.execution.schedule import Schedule
from benchbert.plan import Plan
from benchbert.types import Job, Resources


def job(name: str, *below: Job, seconds: float = 1, cpus: int = 1, exclusive: bool = False) -> Job:
    return Job(
        kind="profile" if exclusive else "predict",
        spec={"n": name},
        inputs={f"i{i}": b.id for i, b in enumerate(below)},
        resources=Resources(estimate=seconds, cpus=cpus, exclusive=exclusive),
        slug=name,
    )


def drain(schedule: Schedule) -> list[str]:
    started = []
    while found := schedule.start():
        started.append(found.slug)
    return started


def test_longest_remaining_path_first_and_as_many_as_cores() -> None:
    a, b, c = job("a", seconds=1), job("b", seconds=2), job("c", seconds=3)
    long = job("after-a", a, seconds=10)
    schedule = Schedule(Plan((a, b, c, long)), cores=2, gpus=0)
    assert drain(schedule) == ["a", "c"]
    schedule.end(a)
    assert drain(schedule) == ["after-a"]


def test_exclusive_jobs_go_alone_and_last() -> None:
    jobs = (job("profile", exclusive=True, seconds=99), job("x"), job("y"), job("other", exclusive=True))
    schedule = Schedule(Plan(jobs), cores=4, gpus=0)
    assert sorted(drain(schedule)) == ["x", "y"]
    schedule.end(jobs[1])
    assert drain(schedule) == []
    schedule.end(jobs[2])
    assert drain(schedule) == ["profile"]
    schedule.end(jobs[0])
    assert drain(schedule) == ["other"]


def test_a_job_that_wants_more_than_there_is_still_runs_alone() -> None:
    big, small = job("big", cpus=64, seconds=9), job("small")
    schedule = Schedule(Plan((big, small)), cores=2, gpus=0)
    assert drain(schedule) == ["big"]
    schedule.end(big)
    assert drain(schedule) == ["small"]


def test_a_failure_takes_along_what_stands_on_it_and_nothing_else() -> None:
    a, other = job("a"), job("other")
    b = job("b", a)
    c = job("c", b)
    schedule = Schedule(Plan((a, other, b, c)), cores=4, gpus=0)
    drain(schedule)
    assert [j.slug for j in schedule.end(a, "broken")] == ["b"]
    assert [j.slug for j in schedule.end(b, "stands on a")] == ["c"]
    schedule.end(c, "stands on b")
    assert not schedule.finished
    schedule.end(other)
    assert schedule.finished
