"""Many clients at once, each playing one scene after another, at a bounded rate."""

import asyncio
import collections
import random
import time
import traceback

from . import rude, scenes

# Scenes and how often they come, relative to each other.
MIX = {
    scenes.json_post: 20,
    scenes.stream: 14,
    scenes.echo: 16,
    scenes.get_or_head: 10,
    scenes.leave_somewhere: 10,
    scenes.ask_the_same: 14,
    scenes.abandon_an_upload: 4,
    scenes.leave_a_silent_upstream: 3,
    scenes.lose_patience: 2,
    scenes.read_slowly: 3,
    scenes.stop_reading: 1,
    scenes.pipeline: 3,
    scenes.own_page: 2,
    scenes.expect_continue: 2,
    rude.break_rules: 10,
    rude.say_nothing: 2,
    rude.websocket: 5,
}

# No scene takes this long while the gateway keeps its timers; one that does hangs.
PATIENCE = 60


class Load:
    """The clients, and what they saw."""

    def __init__(self, options, port, mock_port):
        self.tally = collections.Counter()
        self.wrong = []
        self._options = options
        self._ports = (port, mock_port)
        self._next_slot = 0.0
        self._ends = 0.0

    async def run(self, seconds):
        self._next_slot = time.monotonic()
        self._ends = self._next_slot + seconds
        await asyncio.gather(*(self._client(number) for number in range(self._options.clients)))

    async def _client(self, number):
        dice = random.Random(f"{self._options.seed}-{number}")
        stage = scenes.Stage(*self._ports, dice, self.tally)
        while await self._slot():
            scene = dice.choices(list(MIX), MIX.values())[0]
            await self._play(scene, stage)
        if stage.kept:
            stage.kept.close()

    async def _slot(self):
        """Waits for this client's turn; false when time is up."""
        at = max(self._next_slot, time.monotonic() - 0.5)
        self._next_slot = at + 1 / self._options.rate
        wanted = self._options.requests
        if at >= self._ends or (wanted and self.tally["requests begun"] >= wanted):
            return False
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        return time.monotonic() < self._ends

    async def _play(self, scene, stage):
        self.tally[f"scene {scene.__name__}"] += 1
        try:
            await asyncio.wait_for(scene(stage), PATIENCE)
        except scenes.Wrong as wrong:
            self._note(scene, str(wrong))
        except TimeoutError:
            self._note(scene, f"hung for {PATIENCE} s")
        except (ConnectionError, scenes.CutShort):
            self.tally["connections lost"] += 1
        except Exception:  # A defect of the soak itself is a breach as well.
            self._note(scene, traceback.format_exc())

    def _note(self, scene, what):
        self.tally["wrong"] += 1
        if len(self.wrong) < 20:
            self.wrong.append(f"{scene.__name__}: {what}")
