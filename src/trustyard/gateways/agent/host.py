"""Makes this host look like a release: written whole, checked and reloaded by the host's own commands, or rolled back.

Killed at any moment, either the old release is current or the new one, whole; the journal says how to go on:

1. the release is written, in a folder of its own          killed: nothing has happened
2. the journal: what was, what shall be                     killed: the change is finished (3-6), or rolled back
3. `current` is turned by one rename, files are copied
4. check, reload, verify                                    one fails: rolled back, and reloaded if it had been reloaded
                                                            (but see `_leave`: where no program took one yet)
5. the journal goes                                         from here on the new release is the one before the next
6. old releases go
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from trustyard.errors import InputRefused
from trustyard.gateways import folders
from trustyard.gateways.contents import MANIFEST, files_of, is_of
from trustyard.gateways.receipts import Receipt, State
from trustyard.pki.content import Material

from . import commands, copies, roots, state
from .configuration import ROOTS, Configuration
from .state import Journal
from .wire import WORDS, Given, version


class Host:
    """The folder of one agent; callers hold its lock (`folders.locked`)."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._folder = configuration.folder

    def current(self) -> tuple[int, str] | None:
        """Number and digest of the release that is current, whole or not."""
        try:
            value = json.loads((self._folder / "current" / MANIFEST).read_bytes())
            return int(value["release"]), str(value["digest"])
        except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
            return None

    def in_force(self) -> str:
        """The version of the current release if all is as the configuration wants it; else empty."""
        value = self._standing()
        return version(int(value["release"]), str(value["digest"])) if value else ""

    def has(self, material: Material) -> bool:
        """Whether this release is in force, in the files that this version writes of it. Raises OSError."""
        value = self._standing()
        return value is not None and is_of(value, material)

    def _standing(self) -> dict[str, Any] | None:
        """The manifest of the current release if all is as the configuration wants it."""
        found = folders.current(self._folder)
        value = folders.manifest(found) if found else None
        if not found or not value or state.read_journal(self._folder):
            return None
        if self._name(found) in state.read_untaken(self._folder):
            return None
        with_roots = set(ROOTS) <= set(value["files"])
        wanted = [(copy.source, copy.to) for copy in self._configuration.copies]
        if with_roots != (self._configuration.anchors == "roots") or not copies.right(wanted, found):
            return None
        return value

    def apply(self, given: Given) -> Receipt:
        """Makes the release current, or says why not; errors of disk and commands are in the receipt, never raised."""
        started = time.monotonic()
        try:
            self.recover()
            word, words = self._apply(given)
        except OSError as error:
            word, words = folders.trouble(given.material.number, error)
        except InputRefused as error:
            word, words = "refused", f"Release {given.material.number} cannot be read: {error.sentence}"
        return self._receipt(word, words, started)

    def recover(self) -> tuple[str, Receipt] | None:
        """Finishes or rolls back an interrupted change; returns its release's version and the receipt to send."""
        journal = state.read_journal(self._folder)
        if journal is None:
            with suppress(OSError):  # a kill after step 5 leaves them
                copies.forget(copy.to for copy in self._configuration.copies)
            return None
        started = time.monotonic()
        whole = folders.manifest(self._folder / journal.after) is not None
        if journal.step == "undoing" or not whole:
            word, words = self._undo(journal, journal.state, journal.words or "The change was cut off")
        else:
            word, words = self._finish(journal)
        return version(journal.number, journal.digest), self._receipt(word, words, started)

    def _receipt(self, word: State, words: str, started: float) -> Receipt:
        milliseconds = round((time.monotonic() - started) * 1000)
        return Receipt(self._configuration.node, word, words[:WORDS], milliseconds)

    def _apply(self, given: Given) -> tuple[State, str]:
        material = given.material
        if problem := self._unfit(given):
            return "refused", problem
        if self.has(material):
            return "accepted", f"release {material.number} is current"
        # 1. All files, before anybody looks at them.
        further, notes = roots.files(material) if self._configuration.anchors == "roots" else ({}, "")
        journal = self._written(material, further, notes)
        # 2. From here on there is something to finish or to roll back.
        state.write_journal(self._folder, journal)
        return self._finish(journal)

    def _unfit(self, given: Given) -> str:
        material, current = given.material, self.current()
        theirs, ours = material.content.environment, self._configuration.environment
        if theirs != ours:
            return f"This is a release of the environment {theirs}, and this agent is for {ours}."
        if current is None or given.allow_older or material.number > current[0]:
            return ""
        if (material.number, material.content.digest()) == current:
            return ""
        return (
            f"Release {material.number} is not newer than release {current[0]}, which is current. "
            "If Trustyard came back from a backup, set the gateway's option allow_older."
        )

    def _written(self, material: Material, further: Mapping[str, bytes], notes: str) -> Journal:
        made = files_of(material, further)
        digest = material.content.digest()
        folder = folders.write(self._folder, f"{material.number}-{digest[:12]}", made.files, folders.FOR_OTHERS)
        before = folders.current(self._folder)
        return Journal(
            number=material.number,
            digest=digest,
            before=self._name(before) if before else None,
            after=self._name(folder),
            copies=copies.planned(self._configuration.copies, before),
            notes="; ".join(filter(None, (notes, made.note))),
        )

    def _finish(self, journal: Journal) -> tuple[State, str]:
        try:
            failed, words = self._put_in_force(journal)
            if failed == "reload" and self._nothing_to_go_back_to(journal):
                return self._leave(journal, words)
        except OSError as error:
            return self._undo(journal, *folders.trouble(journal.number, error))
        if failed == "verify" and self._same_as_before(journal):
            journal = replace(journal, before=None)  # what stayed on disk is what was found wanting now
        if failed:
            return self._undo(journal, "refused", words)
        # 5. and 6. It is done; what cannot be tidied up now is tidied up with the next release.
        state.clear_journal(self._folder)
        with suppress(OSError):
            state.clear_untaken(self._folder)  # after the journal: a change that is done again still knows of it
            copies.forget(Path(copy.to) for copy in journal.copies)
            folders.prune(self._folder)
        ran = [name for name in ("check", "reload", "verify") if getattr(self._configuration, name)]
        passed = f"; {', '.join(ran)} passed" if ran else ""
        return "accepted", f"release {journal.number} is current{passed}{_after(journal.notes)}"

    def _put_in_force(self, journal: Journal) -> tuple[str, str]:
        """Steps 3 and 4: which of the commands failed and its words, both empty when all went well. Raises OSError."""
        after = self._folder / journal.after
        folders.make_current(self._folder, after)
        copies.put(journal.copies, after)
        if words := self._run("check", journal):
            return "check", words
        if self._configuration.reload:
            state.write_journal(self._folder, journal.at("reloading"))
            if words := self._run("reload", journal):
                return "reload", words
        if not folders.manifest(after) or folders.current(self._folder) != after:
            return "reading", f"release {journal.number} does not read back as written."
        if not copies.right([(copy.source, Path(copy.to)) for copy in journal.copies], after):
            return "reading", f"a copied file of release {journal.number} does not read back as written."
        words = self._run("verify", journal)
        return ("verify", words) if words else ("", "")

    def _nothing_to_go_back_to(self, journal: Journal) -> bool:
        """Whether no program took a release here yet."""
        return journal.before is None or journal.before in state.read_untaken(self._folder)

    def _same_as_before(self, journal: Journal) -> bool:
        """Whether this is the release that stayed on disk, tried once more."""
        if journal.before is None or journal.before not in state.read_untaken(self._folder):
            return False
        value = folders.manifest(self._folder / journal.before)
        return value is not None and (value["release"], value["digest"]) == (journal.number, journal.digest)

    def _leave(self, journal: Journal, words: str) -> tuple[State, str]:
        """Leaves a checked release in place that no reload took: a program that was never started needs it to start.

        It is not in force before a reload passes, so it is tried again. Raises OSError.
        """
        after = self._folder / journal.after
        if not folders.manifest(after) or folders.current(self._folder) != after:
            return self._undo(journal, "refused", words)
        kept = self._keep_own_files(journal)
        state.write_untaken(self._folder, journal.after)
        state.clear_journal(self._folder)
        with suppress(OSError):
            copies.forget(Path(copy.to) for copy in journal.copies)
            folders.prune(self._folder)
        stays = f"Release {journal.number} stays on disk, as nothing was there before: a program that starts uses it."
        return "refused", f"{words.rstrip('.')}. {stays}{kept}"

    def _keep_own_files(self, journal: Journal) -> str:
        """Puts somebody's own files back where copies go, and says so: a program may be at work with them.

        Unless `check`, which passed with the release's, fails with them: a program that cannot start with them would
        wait for the agent for ever, and the agent for the program. Raises OSError.
        """
        own = [copy for copy in journal.copies if copy.foreign]
        if not own:
            return ""
        places = ", ".join(copy.to for copy in own)
        copies.put_back(own)
        if self._run("check", journal):
            copies.put(own, self._folder / journal.after)
            copies.set_aside(own)
            beside = ", ".join(str(copies.aside(Path(copy.to))) for copy in own)
            return f" So do its copies, for check fails with what was at {places}, which is kept as {beside}."
        self._run("reload", journal)  # the program may have read the release's, and how that ends was said already
        return (
            f" Your own file stays at {places} until reload passes; take it away if the program cannot start with it."
        )

    def _undo(self, journal: Journal, word: State, words: str) -> tuple[State, str]:
        """Puts the previous release back, and reloads where the new one may have been read already."""
        kept = state.read_journal(self._folder) or journal
        journal = kept.at("undoing", before=journal.before, state=word, words=words)
        with suppress(OSError):  # on a full disk; then a kill now means that all of this is tried once more
            state.write_journal(self._folder, journal)
        if journal.before:
            folders.make_current(self._folder, self._folder / journal.before)
        else:
            (self._folder / "current").unlink(missing_ok=True)
        copies.put_back(journal.copies)
        again = self._run("reload", journal) if journal.reloaded else ""
        state.clear_journal(self._folder)
        return word, f"{words.rstrip('.')}. {self._back(journal)}{f' But then {again}' if again else ''}"

    def _back(self, journal: Journal) -> str:
        if journal.before is None:
            return "Rolled back: no release is current."
        return f"Rolled back to release {_number(journal.before)}."

    def _name(self, folder: Path) -> str:
        return str(folder.relative_to(self._folder))

    def _run(self, name: str, journal: Journal) -> str:
        """Runs one of the host's commands; empty when it ended well or there is none, else how it ended."""
        command = getattr(self._configuration, name)
        if command is None:
            return ""
        release = journal.before if journal.step == "undoing" else journal.after
        current = self._folder / "current"
        variables = {"RELEASE_FOLDER": str(current.resolve()), "RELEASE_NUMBER": _number(release or "")}
        outcome = commands.run(name, command, variables)
        return "" if outcome.good else outcome.words


def _number(release: str) -> str:
    return Path(release).name.partition("-")[0]


def _after(notes: str) -> str:
    return f"; {notes}" if notes else ""
