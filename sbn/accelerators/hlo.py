"""The text of a compiled program (HLO) as instructions: what each does, reads, writes, and where it was asked for."""

import dataclasses
import re
from collections.abc import Iterator, Mapping

_BITS = {"pred": 8, "bf16": 16, "c64": 64, "c128": 128, "token": 0}
_TYPE = re.compile(r"\b(pred|bf16|c64|c128|token|[suf]\d+(?:e\d+m\d+\w*)?)\[([0-9,]*)\]")
_INSTRUCTION = re.compile(r"\s+(?:ROOT )?%?([\w.\-]+) = (.*?) ([a-z][\w\-]*)\((.*)")
_COMPUTATION = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*-> .*\{$")
_CALLED = re.compile(r"(calls|to_apply|body|condition|called_computations|branch_computations)=(\{[^}]*\}|%?[\w.\-]+)")
_NAME = re.compile(r"%([\w.\-]+)")
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
# What a loop over a range goes on by: a constant, and whether the number of the trip is below it
_CONSTANT = re.compile(r"\s+%?([\w.\-]+) = [su]\d+\[\]\S* constant\((\d+)\)")
_BELOW = re.compile(r"\s+ROOT .* compare\(.*, (?:\S+ )?%?([\w.\-]+)\), direction=LT")
_TARGET = re.compile(r'custom_call_target="([^"]*)"')
_OP_NAME = re.compile(r'op_name="([^"]*)"')
_FRAME = re.compile(r"stack_frame_id=(\d+)")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: in the program.
        opcode: 'fusion', 'all-reduce-start', ...
        shape: type and dimensions of the result, as text.
        operands: names of what it reads.
        calls: {how: names of the computations that it runs or holds}.
        cycles: the compiler's estimate; None if it gives none.
        trips: how often a loop runs its body, as the compiler says; None where it does not. 1 for what is no loop.
        bound: of such a loop, the number that its condition compares with, which are its trips if it counts from 0;
            None where there is no such number.
        target: of a custom call, what it calls.
        op_name: the path of functions that it stems from.
        source: 'file:line' that asked for it; '' if the program does not say.
    """

    name: str
    opcode: str
    shape: str
    operands: tuple[str, ...]
    calls: Mapping[str, tuple[str, ...]]
    cycles: int | None
    trips: int | None
    bound: int | None
    target: str
    op_name: str
    source: str

    @property
    def bytes(self) -> int:
        """Of the result."""
        return size(self.shape)


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled program.

    Attributes:
        computations: instructions by the name of the computation, in order.
        entry: name of the one that runs.
    """

    computations: Mapping[str, tuple[Instruction, ...]]
    entry: str

    def executed(
        self, computation: str | None = None, *, times: int = 1, bounds: bool = True
    ) -> Iterator[tuple[Instruction, int]]:
        """Yields every instruction that runs by itself, and how often: those of loops and calls, not of fusions.

        Args:
            computation: which; None for the whole program.
            times: how often that runs.
            bounds: whether loops run as often as their `bound` says where the compiler says nothing; otherwise once.
        """
        for instruction in self.computations[computation or self.entry]:
            yield instruction, times
            if instruction.opcode in ("while", "call", "conditional", "async-start"):
                for called in instruction.calls.values():
                    for name in called:
                        if name in self.computations:
                            trips = instruction.trips or (bounds and instruction.bound) or 1
                            yield from self.executed(name, times=times * trips, bounds=bounds)


def size(shape: str) -> int:
    """Returns the bytes of a type such as 'bf16[256,32]{1,0}' or '(f32[4], s32[])'."""
    total = 0
    for kind, dimensions in _TYPE.findall(shape):
        count = 1
        for side in filter(None, dimensions.split(",")):
            count *= int(side)
        found = re.match(r"[suf](\d+)", kind)
        total += count * (_BITS[kind] if kind in _BITS else int(found[1]) if found else 0)
    return total // 8


def parse(text: str) -> Program:
    """Returns the program that XLA prints as `text`.

    Raises:
        ValueError: if there is no entry computation in it.
    """
    sources = _sources(text)
    computations: dict[str, tuple[Instruction, ...]] = {}
    entry, current = "", ""
    found: list[Instruction] = []
    constants, bounds = dict[str, int](), dict[str, int]()
    for line in text.splitlines():
        if head := _COMPUTATION.match(line):
            current, found = head[2], []
            entry = current if head[1] else entry
        elif line.startswith("}") and current:
            computations[current], current = tuple(found), ""
        elif current and (match := _INSTRUCTION.match(line)):
            found.append(_instruction(match, sources))
            if constant := _CONSTANT.match(line):
                constants[constant[1]] = int(constant[2])
            elif (below := _BELOW.match(line)) and below[1] in constants:
                bounds[current] = constants[below[1]]
    if not entry:
        raise ValueError("no program: the text has no ENTRY computation")
    return Program({name: tuple(_counted(one, bounds) for one in body) for name, body in computations.items()}, entry)


def _counted(one: Instruction, bounds: Mapping[str, int]) -> Instruction:
    """A loop with what its condition says."""
    (condition,) = one.calls.get("condition", ("",))
    return dataclasses.replace(one, bound=bounds[condition]) if condition in bounds else one


def _instruction(match: re.Match[str], sources: Mapping[int, str]) -> Instruction:
    name, shape, opcode, rest = match.groups()
    inside, outside = _split(rest)
    calls = {how: tuple(re.findall(r"[\w.\-]+", names)) for how, names in _CALLED.findall(outside)}
    cycles, trips, frame = _CYCLES.search(outside), _TRIPS.search(outside), _FRAME.search(outside)
    target, op_name = _TARGET.search(outside), _OP_NAME.search(outside)
    return Instruction(
        name,
        opcode,
        shape,
        tuple(_NAME.findall(inside)),
        calls,
        int(cycles[1]) if cycles else None,
        int(trips[1]) if trips else None if opcode == "while" else 1,
        None,
        target[1] if target else "",
        op_name[1] if op_name else "",
        sources.get(int(frame[1]), "") if frame else "",
    )


def _split(rest: str) -> tuple[str, str]:
    """What stands between the parentheses of an instruction, and what follows them."""
    depth = 1
    for place, letter in enumerate(rest):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return rest[:place], rest[place + 1 :]
    return rest, ""


def _sources(text: str) -> dict[int, str]:
    """'file:line' by the number of a stack frame: the innermost frame that lies outside of installed packages."""
    head = text[: text.find("\n%")]
    files = dict(re.findall(r'^(\d+) "([^"]*)"$', _section(head, "FileNames"), re.MULTILINE))
    places = {}
    pattern = r"^(\d+) \{file_name_id=(\d+) .*?\bline=(\d+)"
    for number, file, line in re.findall(pattern, _section(head, "FileLocations"), re.MULTILINE):
        places[number] = (files.get(file, ""), line)
    frames = {}
    pattern = r"^(\d+) \{file_location_id=(\d+)(?: parent_frame_id=(\d+))?"
    for number, place, parent in re.findall(pattern, _section(head, "StackFrames"), re.MULTILINE):
        # The parent is printed one too high: 1 is none, 2 the first.
        frames[int(number)] = (places.get(place, ("", "")), int(parent or 1) - 1)
    return {number: _own(number, frames) for number in frames}


def _own(number: int, frames: Mapping[int, tuple[tuple[str, str], int]]) -> str:
    (file, line), parent = frames[number]
    innermost = f"{file}:{line}"
    while "site-packages" in file and parent in frames:
        (file, line), parent = frames[parent]
    return innermost if "site-packages" in file else f"{file}:{line}"


def _section(text: str, name: str) -> str:
    _, found, rest = text.partition(f"\n{name}\n")
    return rest.partition("\n\n")[0] if found else ""
