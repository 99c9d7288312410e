# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out what changes a volume's bricks. Each part can be cut short anywhere; the next run goes on from there."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass
from typing import AbstractSet, Callable, Iterable, Iterator, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._gluster import mounting, moving, replacing
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.auth_allow import same_on_all_hosts
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    Brick,
    Gluster,
    GlusterError,
    GlusterTimeout,
    Volume,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.heal import Nudge, heal_state, unhealed
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import Work, offline_problem
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import refuse_if_any

START_LIMIT = 120.0
# How long a process that moves data may be without an answer, as it is while it starts.
SILENCE_LIMIT = 30.0
PAUSE = 1.0
HEAL_PAUSE = 2.0
NOT_TOLD = "gluster took too long to tell what is left to heal, for which a longer heal_timeout gives it time"

# Of a process that moves data: there is none yet, or none any more (wordings of 10.3).
_NO_ANSWER = re.compile(r"brick op(eration)?s failed", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """How long is waited, in seconds."""

    heal: float
    rebalance: float


def change_bricks(gluster: Gluster, name: str, work: Work, limits: Limits, force: bool) -> None:
    forced = ["force"] if force else []
    for pair in work.replace:
        _replace(gluster, name, pair, limits, work.lone_writes)
    if work.add_copies:
        with same_on_all_hosts(gluster, gluster.volumes()[name]):
            gluster.change("volume", "add-brick", name, *work.add_copies, *forced)
        wait_for_bricks(gluster, name)
        _wait_for_heals(gluster, name, _bricks(gluster, name), limits.heal)
    if work.add_sets:
        with _owing_a_rebalance(gluster, gluster.volumes()[name]):
            gluster.change("volume", "add-brick", name, *work.add_sets, *forced)
    if work.drain:
        # Before a rebalance that is owed: one that cannot succeed must not keep anybody from going back.
        _drain(gluster, name, work.drain, limits.rebalance)
    if work.rebalance:
        wait_for_bricks(gluster, name)
        _rebalance(gluster, name, limits.rebalance)
    if work.forgive_rebalance:
        gluster.change("volume", "set", name, moving.MARK, moving.DONE)


@contextlib.contextmanager
def _owing_a_rebalance(gluster: Gluster, volume: Volume) -> Iterator[None]:
    """A change of bricks that makes the volume owe a rebalance: written down before, for whoever comes after a run that
    was killed; and taken back where gluster refused, and none of its bricks has changed."""
    gluster.change("volume", "set", volume.name, moving.MARK, moving.OWED)
    try:
        yield
    except GlusterTimeout:
        raise  # it may still happen
    except GlusterError:
        with contextlib.suppress(GlusterError):
            if [brick.key for brick in _bricks(gluster, volume.name)] == [brick.key for brick in volume.bricks]:
                former = volume.options.get(moving.MARK, moving.DONE)
                gluster.change("volume", "set", volume.name, moving.MARK, former)
        raise


def wait_for_bricks(gluster: Gluster, name: str, needless: Iterable[str] = ()) -> None:
    """Wait until every brick of a started volume is online, but for the needless ones.

    Raises:
        Refused: naming those that are not. Bricks of hosts that are gone are not waited for.
    """
    deadline = time.monotonic() + START_LIMIT
    while True:
        offline = [brick for brick in gluster.volumes()[name].offline if str(brick) not in needless]
        if not offline:
            return
        members = gluster.members()
        connected = {member.uuid for member in members if member.usable}
        if time.monotonic() >= deadline or not any(brick.peer in connected for brick in offline):
            waited = START_LIMIT - max(0.0, deadline - time.monotonic())
            refuse_if_any([offline_problem(name, offline, members, waited)])
        time.sleep(PAUSE)


def _rebalance(gluster: Gluster, name: str, limit: float) -> None:
    """Start a rebalance, or join the one that is under way, and wait for its end."""
    bricks = _bricks(gluster, name)
    expected = {brick.peer for brick in bricks}
    if not _under_way(gluster, name, moving.REBALANCE):
        gluster.change("volume", "rebalance", name, "start")
    progress = _wait_for_data(
        lambda: _progress(gluster, name, ("rebalance", name, "status"), bricks), expected, limit, "the rebalance"
    )
    if progress.trouble():
        raise GlusterError(
            f"the new bricks are part of {name}, but its rebalance did not go well ({progress.trouble()}); see "
            f"/var/log/glusterfs/{name}-rebalance.log on those hosts; running this again starts it again"
        )
    gluster.change("volume", "set", name, moving.MARK, moving.DONE)


def _drain(gluster: Gluster, name: str, bricks: Sequence[str], limit: float) -> None:
    """Move everything off bricks, and remove them once nothing is left there. Never before."""
    drained = [brick for brick in _bricks(gluster, name) if str(brick) in bricks]
    expected = {brick.peer for brick in drained}

    def progress_now() -> moving.Progress:
        return _progress(gluster, name, ("remove-brick", name, *bricks, "status"), drained)

    if not any(task.kind == moving.REMOVE_BRICK for task in gluster.volumes()[name].tasks):
        gluster.change("volume", "remove-brick", name, *bricks, "start")
    elif _ended_badly(progress_now(), expected):
        # That was said by the run that saw it. This one tries once more.
        gluster.change("volume", "remove-brick", name, *bricks, "stop")
        gluster.change("volume", "remove-brick", name, *bricks, "start")
    progress = _wait_for_data(progress_now, expected, limit, f"moving the data off {', '.join(bricks)}")
    wrong = progress.trouble() or progress.left_behind()
    if wrong:
        raise GlusterError(
            f"{', '.join(bricks)} still holds data and stays part of {name}, since not everything could be moved off "
            f"it ({wrong}); see /var/log/glusterfs/{name}-rebalance.log on those hosts; running this again tries "
            f"again, and `gluster volume remove-brick {name} {' '.join(bricks)} stop` gives it up"
        )
    gluster.change("volume", "remove-brick", name, *bricks, "commit")


def _progress(gluster: Gluster, name: str, words: Sequence[str], bricks: Iterable[Brick]) -> moving.Progress:
    """How far the moving of data is, by the processes that do it on the hosts of these bricks."""
    deadline = time.monotonic() + SILENCE_LIMIT
    while True:
        try:
            return moving.progress_in(gluster.ask("volume", *words))
        except GlusterError as error:
            if not _NO_ANSWER.search(str(error)):
                raise
            if time.monotonic() >= deadline:
                # Seen with 10.3: then neither `status` nor `stop` works, until glusterd starts it again.
                hosts = ", ".join(sorted({brick.host for brick in bricks}))
                raise GlusterError(
                    f"a process that moves the data of {name} is gone, on one of {hosts}, and its glusterd has not "
                    "noticed; nothing was removed; restart glusterd on the host that has no process "
                    f"`rebalance/{name}` (ps ax), which starts it again, and run this again"
                ) from error
        time.sleep(PAUSE)


def _ended_badly(progress: moving.Progress, expected: Iterable[str]) -> bool:
    return not progress.is_running(expected) and bool(progress.trouble() or progress.left_behind())


def _wait_for_data(
    look: Callable[[], moving.Progress], expected: Iterable[str], limit: float, what: str
) -> moving.Progress:
    expected = frozenset(expected)
    deadline = time.monotonic() + limit
    while True:
        progress = look()
        if not progress.is_running(expected):
            return progress
        if time.monotonic() >= deadline:
            silent = ", ".join(progress.silent(expected))
            raise GlusterError(
                f"{what} goes on after {limit:g} s (rebalance_timeout): {progress}"
                f"{f', and nothing is known of {silent}' if silent else ''}; it needs no one to wait for it, "
                "and running this again waits for its end and does the rest"
            )
        time.sleep(PAUSE)


def _under_way(gluster: Gluster, name: str, kind: str) -> bool:
    return any(task.kind == kind and task.status == moving.IN_PROGRESS for task in gluster.volumes()[name].tasks)


def _replace(gluster: Gluster, name: str, pair: tuple[str, str], limits: Limits, lone_writes: bool) -> None:
    """Replace one brick once its set can spare it, and wait until the new one has everything."""
    old, new = pair
    deadline = time.monotonic() + limits.heal
    nudge = Nudge(gluster, name)
    calm, enough = 0, 1
    while True:
        volume = gluster.volumes()[name]
        outgoing = next(brick for brick in volume.bricks if str(brick) == old)
        reason = _in_the_way(gluster, volume, outgoing, lone_writes, deadline)
        if reason:
            # What is seen to heal may be a new brick that fills, of a run which was killed.
            calm, enough = 0, replacing.CALM_LOOKS if outgoing.online else 1
        else:
            calm += 1
        if calm >= enough:
            break
        if reason and time.monotonic() >= deadline:
            raise GlusterError(
                f"{old} is not replaced: {reason}, {limits.heal:g} s long (heal_timeout); see "
                f"`gluster volume heal {name} info`, mend that, and run this again"
            )
        nudge()
        time.sleep(HEAL_PAUSE)
    place = [str(brick) for brick in volume.bricks].index(old)
    try:
        if volume.disperse:
            _have_it_missed(gluster, volume, outgoing, limits.heal)
        with same_on_all_hosts(gluster, volume):
            gluster.change("volume", "replace-brick", name, old, new, "commit", "force")
    except GlusterError:
        if volume.disperse:
            # The old one was ended, and stays where gluster refused the new one.
            with contextlib.suppress(GlusterError):
                gluster.change("volume", "start", name, "force")
        raise
    _wait_for_set(gluster, name, place, limits)


def _in_the_way(gluster: Gluster, volume: Volume, old: Brick, lone_writes: bool, deadline: float) -> str:
    entries = {}
    try:
        if not old.online:
            question = ("volume", "heal", volume.name, "info")
            entries = replacing.entries_in(gluster.ask(*question, limit=deadline - time.monotonic()))
        state = heal_state(gluster, volume.name, deadline - time.monotonic())
    except GlusterTimeout:
        return NOT_TOLD
    return replacing.in_the_way(volume, old, state, entries, lone_writes)


def _have_it_missed(gluster: Gluster, volume: Volume, old: Brick, limit: float) -> None:
    """Have the others of a dispersed set write down that this brick lacks something, and then the one in its place.

    Copies are told by glusterd that a brick is new. A dispersed set counts what each brick has seen of a directory, and
    where none ever missed anything that is nothing at all: an empty brick is as good as the others, nothing is pending,
    `heal full` leaves it empty, and replacing the next one would end the data (seen with 10.3). So something happens in
    the volume that the brick does not see. That stays written down on the others until the new one has everything, also
    when this run ends here.
    """
    if old.online:
        gluster.change("volume", "reset-brick", volume.name, str(old), "start")  # ends its process
    with mounting.mounted(volume.name) as directory:
        mounting.run("sh", "-c", 'made=$(mktemp -d "$1/.berthage-XXXXXX") && rmdir "$made"', "sh", directory)
    others = {str(brick) for brick in replacing.set_of(volume, old)} - {str(old)}
    unaware = others - {heal.brick for heal in heal_state(gluster, volume.name, limit) if heal.pending}
    if unaware:
        raise GlusterError(
            f"{old} is not replaced: {', '.join(sorted(unaware))} of its set did not note that it lacks something, and "
            f"the new brick would stay empty; see `gluster volume heal {volume.name} info`, and run this again"
        )


def _wait_for_set(gluster: Gluster, name: str, place: int, limits: Limits) -> None:
    """Wait until the set of the brick at this place is online and healed. Others may be waiting to be replaced."""
    volume = gluster.volumes()[name]
    members = replacing.set_of(volume, volume.bricks[place])
    wait_for_bricks(gluster, name, {str(brick) for brick in volume.bricks} - {str(brick) for brick in members})
    _wait_for_heals(gluster, name, members, limits.heal)


def _wait_for_heals(gluster: Gluster, name: str, bricks: Iterable[Brick], limit: float) -> None:
    """Wait until these bricks have nothing to heal, look after look: a new brick fills directory by directory."""
    names = {str(brick) for brick in bricks}
    deadline = time.monotonic() + limit
    nudge = Nudge(gluster, name)
    calm = 0
    while calm < replacing.CALM_LOOKS:
        nudge()
        time.sleep(HEAL_PAUSE)
        pending = _pending(gluster, name, names, deadline)
        calm = 0 if pending else calm + 1
        if pending and time.monotonic() >= deadline:
            raise GlusterError(
                f"the new brick is part of {name}, but not everything is healed after {limit:g} s (heal_timeout): "
                f"{pending}; healing goes on by itself, and a later run waits for it before it replaces another brick"
            )


def _pending(gluster: Gluster, name: str, bricks: AbstractSet[str], deadline: float) -> str:
    try:
        state = [heal for heal in heal_state(gluster, name, deadline - time.monotonic()) if heal.brick in bricks]
    except GlusterTimeout:
        return NOT_TOLD
    return unhealed(state) if len(state) == len(bricks) else "some bricks are missing among the pending heals"


def _bricks(gluster: Gluster, name: str) -> tuple[Brick, ...]:
    return gluster.volumes()[name].bricks
