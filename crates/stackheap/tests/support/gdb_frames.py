# Runs a program under gdb and writes, for each moment asked for, what gdb knows of its frames.
#
# Reads from the file named by MOMENTS one line a moment: the address of an instruction as linked, and
# how many times it is passed before. Writes to the file named by ANSWER one JSON document a line, in
# the order in which the program comes to the moments.

import json
import os

import gdb

SCALARS = {gdb.TYPE_CODE_INT, gdb.TYPE_CODE_FLT, gdb.TYPE_CODE_BOOL, gdb.TYPE_CODE_CHAR}


def load_bias():
    program = gdb.current_progspace().filename
    for line in gdb.execute("info proc mappings", to_string=True).splitlines():
        words = line.split()
        if words and words[-1] == program:
            return int(words[0], 16)
    raise gdb.GdbError("expected a mapping of " + program)


def canonical_frame_address(frame):
    frame.select()
    for line in gdb.execute("info frame", to_string=True).splitlines():
        if line.startswith("Stack level"):
            return int(line.split("frame at ")[1].split(":")[0], 16)
    raise gdb.GdbError("expected the frame's address")


def variable(symbol, frame):
    # The type as declared: that of an enum's value is the variant it has.
    kind = symbol.type.strip_typedefs()
    told = {"name": symbol.print_name, "line": symbol.line, "size": kind.sizeof}
    try:
        value = symbol.value(frame)
    except gdb.error:
        # gdb knows no discriminants of 16 bytes.
        return told
    if value.is_optimized_out or value.address is None:
        return None
    address = int(value.address)
    told["address"] = address
    if kind.code in SCALARS and kind.sizeof > 0:
        data = gdb.selected_inferior().read_memory(address, kind.sizeof)
        told["bytes"] = bytes(data).hex()
    return told


def variables(frame):
    found = []
    try:
        block = frame.block()
    except RuntimeError:
        return found
    while block is not None and not block.is_global and not block.is_static:
        for symbol in block:
            if symbol.is_variable or symbol.is_argument:
                told = variable(symbol, frame)
                if told is not None:
                    found.append(told)
        if block.function is not None:
            break
        block = block.superblock
    return found


def frames():
    found = []
    frame = gdb.newest_frame()
    while frame is not None:
        if frame.type() == gdb.NORMAL_FRAME:
            cfa = canonical_frame_address(frame)
            sp = int(frame.read_register("rsp"))
            found.append({"cfa": cfa, "sp": sp, "variables": variables(frame)})
        frame = frame.older()
    gdb.newest_frame().select()
    return found


def main():
    with open(os.environ["MOMENTS"]) as file:
        moments = [[int(word) for word in line.split()] for line in file]
    gdb.execute("starti < " + os.environ["STDIN"] + " > /dev/null 2>&1", to_string=True)
    bias = load_bias()
    waiting = {}
    for number, (address, passed) in enumerate(moments):
        waiting.setdefault(bias + address, []).append((passed, number))
    for address, wanted in waiting.items():
        wanted.sort()
        breakpoint = gdb.Breakpoint("*%d" % address)
        breakpoint.silent = True
        breakpoint.ignore_count = wanted[0][0]
        waiting[address] = (breakpoint, wanted)
    with open(os.environ["ANSWER"], "w") as answer:
        while waiting:
            gdb.execute("continue", to_string=True)
            if gdb.selected_inferior().pid == 0:
                break
            address = gdb.newest_frame().pc()
            if address not in waiting:
                break
            breakpoint, wanted = waiting[address]
            passed, number = wanted.pop(0)
            answer.write(json.dumps({"moment": number, "frames": frames()}) + "\n")
            # Several marks may look at one moment.
            while wanted and wanted[0][0] == passed:
                answer.write(json.dumps({"moment": wanted.pop(0)[1], "frames": frames()}) + "\n")
            if wanted:
                breakpoint.ignore_count = wanted[0][0] - passed - 1
            else:
                del waiting[address]
                breakpoint.delete()


gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("set startup-with-shell on")
main()
if gdb.selected_inferior().pid != 0:
    gdb.execute("kill", to_string=True)
