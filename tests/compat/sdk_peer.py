"""The other side of sdk_test.py: runs inside the environment that has `temporalio`."""

import asyncio
import json
import logging
import os
import sys
import uuid
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer, Worker


@activity.defn
async def shout(word):
    if not word:
        raise ApplicationError("there is nothing to shout", type="invalid_argument", non_retryable=True)
    return word.upper() + "!"


async def until_heard(handle, count):
    """Until the run has heard so many words; a worker that is not up yet is waited for."""
    while len(await handle.query("heard")) < count:
        await asyncio.sleep(0.05)


async def talk(address, queue):
    client = await Client.connect(address)
    theirs = str(uuid.uuid4())
    async with Worker(client, task_queue=theirs, activities=[shout]):
        handle = await client.start_workflow("conversation", {"queue": f"temporal:{theirs}"}, id=f"talk-{queue}", task_queue=queue)
        await handle.signal("word", "hello")
        await handle.signal("word", "world")
        await until_heard(handle, 2)
        try:
            await handle.execute_update("last", 7)
            raise AssertionError("a number is no word")
        except WorkflowUpdateFailedError as refused:
            assert "a word is text" in str(refused.cause), refused.cause
            assert refused.cause.type == "invalid_argument", refused.cause
        assert await handle.execute_update("last", "bye") == 3
        result = await handle.result()
        assert result["shouted"] == ["HELLO!", "WORLD!", "BYE!"], result
        assert "there is nothing to shout" in result["refused"], result
    print("heard, asked, answered and shouted")


@workflow.defn(name="w")
class Sequence:
    """The twin of the story Sequence."""

    @workflow.run
    async def run(self, _input=None):
        limits = {"start_to_close_timeout": timedelta(minutes=10)}
        one = await workflow.execute_activity("echo", "one", **limits)
        two = await workflow.execute_activity("echo", "two", **limits)
        return [one, two]


@workflow.defn(name="w")
class OtherSequence:
    """Asks for something else: it must not fit."""

    @workflow.run
    async def run(self, _input=None):
        await asyncio.sleep(1)


def history_of(path):
    return WorkflowHistory.from_json(path.stem, json.loads(path.read_text()))


async def read(folder):
    files = sorted(Path(folder).glob("*.json"))
    events = sum(len(history_of(path).events) for path in files)
    assert len(files) >= 60 and events > 600, f"{len(files)} files with {events} events"
    for path in files:
        for event in history_of(path).events:
            assert event.event_id > 0 and event.event_type > 0 and event.WhichOneof("attributes"), f"{path.name}: {event}"
    sequence = history_of(Path(folder) / "Sequence-a.json")
    await Replayer(workflows=[Sequence]).replay_workflow(sequence)
    logging.disable(logging.CRITICAL)
    other = await Replayer(workflows=[OtherSequence]).replay_workflow(sequence, raise_on_replay_failure=False)
    assert other.replay_failure, "other code fits the history"
    print(f"{len(files)} histories of the embedded engine read by the SDK, {events} events; one replayed by its twin")


if __name__ == "__main__":
    asyncio.run({"talk": talk, "read": read}[sys.argv[1]](*sys.argv[2:]))
    sys.stdout.flush()
    os._exit(0)  # the SDK's threads now and then abort an interpreter that takes itself apart
