"""Stops at the lines marked `// stop`, reads the locals of the frame, and prints how many stops
took how many seconds. Run by gdb: -ex 'python source, stops = "boxes.rs", 300' -x stops.py"""

import time

gdb.execute("set pagination off")
gdb.execute("set confirm off")
with open(source) as text:
    for number, line in enumerate(text, 1):
        if line.rstrip().endswith("// stop"):
            gdb.execute(f"break boxes.rs:{number}", to_string=True)
gdb.execute("run > /dev/null", to_string=True)
read = 0
begin = time.monotonic()
for _ in range(stops):
    gdb.execute("continue", to_string=True)
    frame = gdb.selected_frame()
    block = frame.block()
    while block is not None:
        variables = [symbol for symbol in block if symbol.is_variable]
        read += sum(len(str(symbol.value(frame))) for symbol in variables)
        block = block.superblock if block.function is None else None
print("stops", stops, "seconds", time.monotonic() - begin, "characters", read)
gdb.execute("kill", to_string=True)
