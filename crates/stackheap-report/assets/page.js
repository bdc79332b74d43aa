"use strict";
(() => {
  // ---- The recording: states whose parts are stored once, see html/pool.rs. ----
  const data = JSON.parse(document.getElementById("data").textContent);
  const { items, shapes } = data.pool;
  const known = new Array(items.length);

  const object = (shape, read) => {
    const made = Object.create(null);
    shapes[shape].forEach((key, index) => { made[key] = read(index); });
    return made;
  };
  const item = (index) => {
    if (known[index] !== undefined) return known[index];
    const stored = items[index];
    let value = stored;
    if (Array.isArray(stored)) {
      value = stored[0] === -1
        ? stored.slice(1).map(item)
        : object(stored[0], (member) => item(stored[member + 1]));
    }
    known[index] = value;
    return value;
  };

  // Lists continue those of the row before, so all rows are unrolled once, as lists of indices.
  const channels = [];
  const unroll = (part) => {
    if (!Array.isArray(part)) return part;
    if (part[0] === -1) return { list: part.slice(1).map((row) => row.map(unroll)) };
    const [, channel, front, back, ...middle] = part;
    const last = channels[channel] || [];
    const same = middle.length === 0 && front + back === last.length;
    const list = same ? last : last.slice(0, front).concat(middle, last.slice(last.length - back));
    channels[channel] = list;
    return { indices: list };
  };
  const rows = data.rows.map((row) => row.map(unroll));
  const member = (part) => {
    if (typeof part === "number") return item(part);
    if (part.indices) return part.indices.map(item);
    return part.list.map((row) => object(row[0], (index) => member(row[index + 1])));
  };
  const states = [];
  const stateAt = (index) => {
    if (!rows[index]) return null;
    if (!states[index]) {
      const row = rows[index];
      states[index] = object(row[0], (part) => member(row[part + 1]));
    }
    return states[index];
  };
  const count = rows.length;

  // ---- Text ----
  const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;
  const visible = (text) => String(text).replace(hidden, (c) => {
    if (c === "\n") return "\\n";
    if (c === "\t") return "\\t";
    if (c === "\r") return "\\r";
    return `\\u{${c.codePointAt(0).toString(16)}}`;
  });
  const lines = (text) => text.split("\n").map((line) => visible(line.replaceAll("\t", "    ")));
  const size = (bytes) => {
    if (bytes === 1) return "1 byte";
    if (bytes < 10240) return `${bytes} bytes`;
    const units = ["KiB", "MiB", "GiB", "TiB"];
    let value = bytes / 1024;
    let unit = 0;
    while (value >= 1023.95 && unit < units.length - 1) { value /= 1024; unit += 1; }
    return `${Number(value.toFixed(1))} ${units[unit]}`;
  };
  const position = (at) => (at && at.line ? `${visible(at.file)}:${at.line}` : "");

  // ---- Making elements. Text is always text: nothing here parses HTML. ----
  const put = (element, children) => {
    for (const child of children.flat(Infinity)) {
      if (child === null || child === undefined || child === "") continue;
      element.append(child);
    }
    return element;
  };
  const h = (name, attributes, ...children) => {
    const [tag, ...classes] = name.split(".");
    const element = document.createElement(tag || "div");
    if (classes.length) element.className = classes.join(" ");
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      if (key === "on") element.addEventListener("click", value);
      else if (key.startsWith("--")) element.style.setProperty(key, value);
      else element.setAttribute(key, value === true ? "" : value);
    }
    return put(element, children);
  };
  const svg = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return put(element, children);
  };
  // Words with code between backticks.
  const prose = (text) => visible(text).split("`").map((part, index) => (index % 2 ? h("code", null, part) : part));
  const $ = (id) => document.getElementById(id);
  const replace = (id, ...children) => { $(id).replaceChildren(); put($(id), children); };

  // ---- What is shown ----
  const view = { index: 0, hex: false, types: false, rest: false, up: false, folds: new Set(), thing: null };
  const toggles = ["hex", "types", "rest", "up"];
  const key = (frame, local) => `${frame}/${local}`;

  // A block keeps one slot of the column for its whole life: the lowest that is free when it comes.
  const slots = new Map();
  {
    let anyStatics = false;
    let used = new Map();
    for (let index = 0; index < count; index += 1) {
      const blocks = stateAt(index).blocks;
      const now = new Map();
      for (const block of blocks) if (slots.has(block.id)) now.set(slots.get(block.id), block.id);
      let free = 0;
      for (const block of blocks) {
        if (slots.has(block.id)) continue;
        while (now.has(free) || used.has(free)) free += 1;
        slots.set(block.id, free);
        now.set(free, block.id);
      }
      used = now;
      anyStatics = anyStatics || stateAt(index).statics.length > 0;
      if (index > 0) states[index - 1] = undefined;
    }
    $("memory").classList.toggle("no-statics", !anyStatics);
  }

  const localsOf = (state) => {
    const found = new Map();
    for (const thread of state ? state.threads : []) {
      for (const frame of thread.frames) for (const local of frame.locals) found.set(key(frame.id, local.name), local);
    }
    return found;
  };

  // ---- Cells ----
  const CELLS_IN_WORDS = 3;
  const cellText = (cell) => (cell.unknown !== undefined ? "?" : visible(cell.text ?? ""));
  const hexOf = (bytes, cell) => (bytes || "").slice(cell.offset * 2, (cell.offset + cell.size) * 2);

  const cellBox = (cell, edge, value, covered) => {
    const small = cell.size <= 2;
    const full = cell.kind === "padding" ? "" : visible(cell.label);
    const label = full.length <= cell.size * 1.9 ? full : full.split(".").pop();
    const text = edge ? `→ ${edge.short}` : cell.kind === "padding" ? "" : cellText(cell);
    const title = [full, edge ? `${edge.words} ${edge.label}` : cellText(cell), size(cell.size), cell.unknown && visible(cell.unknown)];
    const box = h("span.cell", { "--n": cell.size, title: cell.kind === "padding" ? `padding, ${size(cell.size)}` : title.filter(Boolean).join(" · ") },
      h("span.lab", null, label), h("span.val", null, text));
    if (cell.kind === "padding") box.classList.add("pad");
    if (small) box.classList.add("small");
    if (edge) box.classList.add("ptr", edge.kind);
    if (covered) box.classList.add("covered");
    if (view.hex) box.append(h("span.hex", null, hexOf(value && value.bytes, cell)));
    return box;
  };

  // The boxes of a value, rows of whole words. Without cells, or where none of the texts would be
  // readable, the text alone says more.
  const cellRow = (thing, edges, stale, covers) => {
    const cells = thing.cells || [];
    const chars = cells.length && cells.every((cell) => cell.size === 1 && cellText(cell).length <= 1);
    const tiny = cells.length > 1 && cells.every((cell) => cell.size <= 2);
    if (!cells.length || (tiny && !chars && !view.hex)) return null;
    const row = h("div.cells.row4");
    const shown = cells.slice(0, 96);
    for (const cell of shown) {
      const edge = stale ? null : edges.find((e) => e.from.offset === cell.offset);
      const covered = covers.some((c) => cell.offset >= c[0] && cell.offset < c[1]);
      const box = cellBox(cell, edge, thing.value, covered);
      if (chars) box.classList.add("tiny");
      // A large cell is drawn as wide as a row; its size is in the words above.
      if (cell.size > CELLS_IN_WORDS * 8) box.style.setProperty("--n", CELLS_IN_WORDS * 8);
      if (edge) { box.dataset.from = edge.number; }
      box.dataset.offset = cell.offset;
      row.append(box);
    }
    // Lines of pointers run below their boxes.
    if (row.querySelector(".ptr")) row.classList.add("pointers");
    const left = cells.length - shown.length + (thing.cells_left_out || 0);
    return left ? [row, h("div.note", null, `and ${left} more parts`)] : [row];
  };

  // Facts beside a value that no box says.
  const facts = (thing) => Object.entries((thing.value && thing.value.facts) || {})
    .filter(([name, fact]) => !(thing.counts && ["strong", "weak"].includes(name)))
    .filter(([name, fact]) => !(thing.cells || []).some((cell) => cell.text === fact && name.startsWith(cell.label.split(".").pop())))
    .filter(([, fact]) => fact !== thing.value.text)
    .map(([name, fact]) => `${visible(name)}: ${visible(fact)}`).join(", ");

  // ---- A local ----
  const typeOf = (thing) => visible(view.types ? thing.type ?? "" : thing.short_type ?? thing.type ?? "");
  // Values of one or two words stand beside their name, larger ones below it.
  const BESIDE_BYTES = 16;
  const drawLocal = (scene, frame, local) => {
    const id = key(frame.id, local.name);
    const edges = scene.fromLocal.get(id) || [];
    const stale = ["moved", "dropped", "out-of-scope"].includes(local.state);
    const before = scene.before.get(id);
    const changed = before !== undefined && (before.state !== local.state || before.value !== local.value);
    const value = local.value || {};
    const text = value.unknown !== undefined ? `unknown: ${visible(value.unknown)}` : value.text === undefined ? "" : visible(value.text);
    const place = local.place;
    const where = place.region === "stack" || place.region === "none" ? "" : ` ${data.head.regions[place.region] || place.region}`;
    const cells = local.state === "uninit" ? h("div.blank", { "--n": Math.min(24, Math.max(2, place.size)) }, "?")
      : cellRow(local, edges, stale, scene.covers.get(`l${id}`) || []);
    const beside = place.size <= BESIDE_BYTES && cells !== null;
    // A number that stands in its box needs no second mention.
    const said = local.state === "uninit" || text === `unknown: ${visible(local.because ?? "")}`
      || (local.cells.length === 1 && !edges.length && cellText(local.cells[0]) === text && text.length <= local.cells[0].size);
    const element = h("div.item", { "data-local": id, class: `item ${local.state}${stale ? " stale" : ""}${beside ? " beside" : ""}` },
      h("div.about", null,
        h("div.head", null,
          h("button.pick.name", { type: "button", title: "Show its life", on: () => pick({ frame: frame.id, local: local.name }) }, visible(local.name)),
          h("span.type", { title: visible(local.type) }, typeOf(local)),
          local.words ? h("span.tag", null, local.words) : null,
          local.role_words ? h("span.tag", null, local.role_words) : null,
          changed ? h("span.tag.changed", null, "changed") : null),
        h("div.where", null, size(place.size), where, place.note ? ` · ${visible(place.note)}` : "",
          place.address ? [" · ", h("span.addr", null, place.address)] : null),
        text && !said ? h("div.text", null, text) : null,
        local.because ? h("div.note", null, prose(local.because)) : null,
        local.stale ? h("div.note", null, visible(local.stale)) : null,
        facts(local) ? h("div.note", null, facts(local)) : null),
      cells);
    const drawn = new Set([...element.querySelectorAll("[data-from]")].map((box) => Number(box.dataset.from)));
    for (const edge of stale || local.state === "uninit" ? [] : edges) {
      if (drawn.has(edge.number)) continue;
      element.append(h("div.note", { "data-from": edge.number }, `${edge.words} ${edge.label}`));
    }
    if (changed) element.classList.add("flash");
    return element;
  };

  // ---- Stacks ----
  // Of many frames only the outermost and the two newest are drawn whole until one is asked for.
  const WHOLE_FRAMES = 4;
  const drawFrame = (scene, thread, frame, innermost, whole) => {
    if (!whole && !view.folds.has(`frame ${frame.id}`)) {
      const names = frame.locals.filter((local) => local.state !== "out-of-scope").map((local) => visible(local.name)).join(", ");
      return h("div.frame.brief", { "data-frame": frame.id },
        h("button.pick.fh", { type: "button", title: "Show its locals", on: () => { view.folds.add(`frame ${frame.id}`); draw(); } },
          h("b", null, visible(frame.function)), h("span.sub", null, size(frame.size ?? 0)), h("span.sub", null, `waits at ${position(frame.at)}`),
          names ? h("span.sub", null, `⋯ ${names}`) : null));
    }
    const focus = thread.id === scene.state.thread && innermost;
    const used = Number(BigInt(thread.stack.high) - BigInt(frame.low));
    const limit = typeof thread.stack.limit === "number" ? thread.stack.limit : null;
    const gone = frame.locals.filter((local) => local.state === "out-of-scope");
    const shown = view.rest ? frame.locals : frame.locals.filter((local) => local.state !== "out-of-scope");
    return h("div", { class: `frame${focus ? " focus" : ""}`, "data-frame": frame.id },
      h("div.fh", null, h("b", null, visible(frame.function)), h("span.sub", null, size(frame.size ?? 0)),
        h("span.sub", null, `${innermost ? "at" : "waits at"} ${position(frame.at)}`)),
      limit && used > 0 ? h("div.meter", { title: `${size(used)} of ${size(limit)} in use up to this frame`, style: "margin:.25rem .7rem" },
        h("i", { style: `width:${Math.min(100, (used / limit) * 100)}%` })) : null,
      h("div.edge-addr.addr", null, view.up ? `low ${frame.low}` : `high ${frame.high}`),
      shown.map((local) => drawLocal(scene, frame, local)),
      shown.length ? null : h("div.other", null, "no locals"),
      !view.rest && gone.length ? h("div.other", null, `out of scope: ${gone.map((l) => visible(l.name)).join(", ")}`) : null,
      view.rest ? frame.other_bytes.map((bytes) => h("div.other", null, h("span.addr", null, bytes.address), ` ${size(bytes.size)}: `, prose(bytes.text))) : null,
      h("div.edge-addr.addr", null, view.up ? `high ${frame.high}` : `low ${frame.low}`));
  };

  const drawThread = (scene, thread, several) => {
    const stack = thread.stack;
    const limit = typeof stack.limit === "number" ? stack.limit : null;
    const frames = [...thread.frames].reverse();
    const fold = frames.length > 12 && !view.folds.has(thread.id);
    const column = h("div.frames", { class: `frames${view.up ? " up" : ""}` });
    frames.forEach((frame, index) => {
      if (fold && index >= 3 && index < frames.length - 6) {
        if (index > 3) return;
        const middle = frames.slice(3, -6);
        const bytes = middle.reduce((sum, f) => sum + (f.size || 0), 0);
        column.append(h("button.fold", { type: "button", on: () => { view.folds.add(thread.id); draw(); } },
          `⋮ ${middle.length} more frames, ${size(bytes)}: show them`));
        return;
      }
      const whole = frames.length <= WHOLE_FRAMES || index === 0 || index >= frames.length - 2;
      column.append(drawFrame(scene, thread, frame, index === frames.length - 1, whole));
    });
    return h("div.thread", null,
      several ? h("h3", null, `thread ${thread.id} ${visible(thread.name ?? "")}`) : null,
      h("p.use", null, `${size(stack.used)} of ${limit ? size(limit) : "an unknown limit"} in use, at most ${size(stack.high_water)} so far. `,
        several && thread.as_of !== null && thread.as_of !== scene.state.step ? `As it was at step ${thread.as_of}. ` : "",
        view.up ? "↑ Newest call on top" : "↓ Newest call at the bottom", "; it grows to lower addresses."),
      thread.ended ? h("p.none", null, "This thread has ended; its stack is gone.") : null,
      frames.length || thread.ended ? null : h("p.none", null, "No frame of this program's own code."),
      column);
  };

  // ---- Heap and statics ----
  const BLOCKS_SHOWN = 60;
  const drawBlock = (scene, block) => {
    const edges = scene.fromBlock.get(block.id) || [];
    const freed = block.state === "freed";
    const was = scene.blocksBefore.get(block.id);
    const value = block.value || {};
    const text = value.unknown !== undefined ? `unknown: ${visible(value.unknown)}` : visible(value.text ?? "");
    const fresh = scene.hasBefore && !was;
    const changed = was && (was.value !== block.value || was.address !== block.address || was.size !== block.size || was.state !== block.state);
    const moved = was && was.address !== block.address;
    const owners = block.owners.map((owner) => owner.label).join(" and ");
    const boxes = cellRow(block, edges, freed, scene.covers.get(`b${block.id}`) || []);
    const item = h("div.item", null,
      h("div.head", null,
        h("button.pick.name", { type: "button", title: "Show its life", on: () => pick({ block: block.id }) }, `#${block.id}`),
        h("span.type", { title: visible(block.type ?? "") }, block.type ? typeOf(block) : "type unknown"),
        block.counts ? h("span.tag.count", { title: "owners, and Weak pointers" }, `${block.counts.strong} strong, ${block.counts.weak} weak`) : null,
        freed ? h("span.tag", null, `freed${block.freed && block.freed.step ? ` at step ${block.freed.step}` : ""}`) : null,
        fresh ? h("span.tag.changed", null, "new") : null,
        changed && !freed ? h("span.tag.changed", null, moved ? "changed, moved" : "changed") : null),
      h("div.where", null, size(block.size), " · ", h("span.addr", null, block.address)),
      text ? h("div.text", null, text) : null,
      facts(block) ? h("div.note", null, facts(block)) : null,
      boxes,
      h("div.owner", null, freed ? "" : owners ? [block.owners.length === 1 ? "owned by " : block.counts ? "shared by " : "held by ", prose(owners), block.owners.length > 1 && !block.counts ? ": which of them owns it is not known" : ""] : ["owner not known: ", prose(block.because ?? "unknown")],
        block.allocated && block.allocated.step ? `${freed ? "" : " · "}since step ${block.allocated.step}` : ""));
    return h("div", { class: `block${freed ? " freed stale" : ""}${!freed && !owners ? " unowned" : ""}${fresh ? " new flash" : ""}`, "data-block": block.id }, item);
  };

  const drawHeap = (scene) => {
    const { blocks } = scene.state;
    const live = blocks.filter((block) => block.state === "live");
    const all = live.length + scene.state.blocks_left_out;
    $("heapsum").textContent = all ? `${all} ${all === 1 ? "block" : "blocks"}, ${size(live.reduce((sum, b) => sum + b.size, 0))}` : "empty";
    const bySlot = new Map(blocks.map((block) => [slots.get(block.id), block]));
    const last = Math.max(-1, ...bySlot.keys());
    const children = [];
    let shown = 0;
    const everything = view.folds.has("heap");
    // What was there before the program's own code ran is told in one line.
    const early = everything ? [] : blocks.filter((block) => block.state === "live" && !block.owners.length && block.allocated.step === null);
    if (early.length) {
      children.push(h("button.fold", { type: "button", on: () => { view.folds.add("heap"); draw(); } },
        `⋮ ${early.length} from before the first step, ${size(early.reduce((sum, b) => sum + b.size, 0))}: show`));
    }
    for (let slot = 0; slot <= last; slot += 1) {
      const block = bySlot.get(slot);
      if (early.includes(block)) continue;
      if (block && (everything || shown < BLOCKS_SHOWN)) {
        children.push(drawBlock(scene, block));
        shown += 1;
      } else if (!block && last < BLOCKS_SHOWN) {
        children.push(h("div.slot", { "aria-hidden": "true" }));
      }
    }
    const more = blocks.length - shown - early.length;
    if (more > 0) children.push(h("button.fold", { type: "button", on: () => { view.folds.add("heap"); draw(); } }, `⋮ ${more} more blocks: show them`));
    if (scene.state.blocks_left_out) children.push(h("p.none", null, `${scene.state.blocks_left_out} more blocks are not in this recording.`));
    if (!blocks.length) children.push(h("p.none", null, "No block is allocated."));
    replace("heap", children);
  };

  const drawStatics = (scene) => {
    const shown = scene.state.statics.slice(0, 40);
    replace("statics", shown.map((item) => h("div.static", { "data-static": item.name },
      h("div.item", null, h("div.head", null, h("span.name", null, visible(item.name)), h("span.type", null, typeOf(item))),
        h("div.where", null, size(item.place.size), " ", data.head.regions[item.place.region] || item.place.region),
        h("div.where", null, h("span.addr", null, item.place.address ?? "")),
        item.value.text !== undefined && item.value.text !== item.name ? h("div.text", null, visible(item.value.text)) : null,
        item.value.unknown !== undefined ? h("div.text", null, `unknown: ${visible(item.value.unknown)}`) : null))),
    shown.length < scene.state.statics.length ? h("p.none", null, `and ${scene.state.statics.length - shown.length} more`) : null,
    shown.length ? null : h("p.none", null, "Nothing here is pointed at."));
  };

  // ---- Edges: paths in the drawing itself, so that they scroll and zoom with it. ----
  const EDGES_DRAWN = 15;
  const endOf = (end, memory) => {
    const find = (name, value) => memory.querySelector(`[data-${name}="${CSS.escape(String(value))}"]`);
    if (end.block !== undefined) return inside(find("block", end.block), end);
    if (end.frame !== undefined) return inside(find("local", key(end.frame, end.local)), end) || find("frame", end.frame);
    if (end.static !== undefined) return find("static", end.static);
    return null;
  };
  // The cell an edge points at, where it does not point at the whole.
  const inside = (card, end) => {
    if (!card || !end.offset) return card;
    return card.querySelector(`[data-offset="${end.offset}"]`) || card;
  };
  const drawnEdges = (scene) => {
    const candidates = scene.edges.filter((edge) => edge.to.symbol === undefined && edge.to.region === undefined);
    if (candidates.length <= EDGES_DRAWN) return candidates;
    // Those of the focused frame, and those of the blocks they lead to.
    const seen = new Set();
    const chosen = candidates.filter((edge) => edge.from.frame === scene.focus);
    for (let index = 0; index < chosen.length && chosen.length < 60; index += 1) {
      const { block } = chosen[index].to;
      if (block === undefined || seen.has(block)) continue;
      seen.add(block);
      chosen.push(...(scene.fromBlock.get(block) || []).filter((edge) => candidates.includes(edge)));
    }
    return chosen;
  };
  // One filled diamond for the one owner, two for one of several, a hollow one for a Weak.
  const diamond = (x, y, kind) => {
    const one = (left) => `M${left} ${y - 5}l5 5l-5 5l-5 -5z`;
    return kind === "shares" ? one(x - 5) + one(x + 5) : one(x);
  };
  const drawEdges = () => {
    const { scene } = view;
    const memory = $("memory");
    const layer = $("edges");
    layer.replaceChildren();
    if (!scene) return;
    const base = memory.getBoundingClientRect();
    layer.setAttribute("width", memory.scrollWidth);
    layer.setAttribute("height", memory.scrollHeight);
    const rect = (element) => {
      const r = element.getBoundingClientRect();
      return { left: r.left - base.left, right: r.right - base.left, top: r.top - base.top, bottom: r.bottom - base.top };
    };
    const arrivals = new Map();
    const lanes = new Map();
    for (const edge of drawnEdges(scene)) {
      const source = memory.querySelector(`[data-from="${edge.number}"]`);
      const target = endOf(edge.to, memory);
      if (!source || !target) continue;
      const card = source.closest(".frame, .block");
      const goal = target.closest(".frame, .block, .static");
      const from = rect(source);
      const home = rect(card);
      const cell = target.classList.contains("cell");
      const to = rect(target);
      const edgeOfGoal = rect(goal);
      // Several arrows into one target arrive one below the other.
      const arrived = arrivals.get(target) || 0;
      arrivals.set(target, arrived + 1);
      const lane = lanes.get(card) || 0;
      lanes.set(card, lane + 1);
      const x0 = Math.min((from.left + from.right) / 2, from.left + 44);
      const y0 = from.bottom;
      const y1 = y0 + 7;
      const y2 = cell ? to.bottom - 2 : Math.min(to.top + 15 + arrived * 9, to.bottom - 4);
      // Out of the card on the side where the target is; within one column around on the right.
      const rightwards = edgeOfGoal.left > home.right - 4;
      const leftwards = edgeOfGoal.right < home.left + 4;
      const x1 = leftwards ? home.left : home.right;
      const x2 = rightwards ? edgeOfGoal.left - 1 : edgeOfGoal.right + 1;
      const around = 26 + (lane % 6) * 7;
      const reach = rightwards || leftwards ? Math.max(26, Math.abs(x2 - x1) * 0.55) : around;
      const back = rightwards ? 1 : -1;
      const turn = leftwards ? -1 : 1;
      const path = `M${x0} ${y0}V${y1 - 4}Q${x0} ${y1} ${x0 + 4 * turn} ${y1}H${x1}C${x1 + reach * turn} ${y1} ${x2 - reach * back} ${y2} ${x2 - 9 * back} ${y2}`;
      const lit = view.lit && !view.lit.has(edge.number) ? " faded" : "";
      layer.append(svg("path", { class: `e ${edge.kind}${lit}`, d: path }));
      if (edge.kind === "borrows-mut") layer.append(svg("path", { class: `e borrows-mut core${lit}`, d: path }));
      const owner = edge.kind === "owns" || edge.kind === "shares";
      if (owner || edge.kind === "weak") {
        layer.append(svg("path", { class: `m ${edge.kind}`, d: diamond(x0, y0, edge.kind) }));
      } else {
        layer.append(svg("circle", { class: `m ${edge.kind}`, cx: x0, cy: y0, r: 3 }));
      }
      const head = `M${x2 - 9 * back} ${y2 - 5}L${x2} ${y2}L${x2 - 9 * back} ${y2 + 5}${owner ? "z" : ""}`;
      layer.append(svg("path", { class: `m ${edge.kind}${owner ? "" : " open"}`, d: head }));
    }
  };

  // Pointing at a thing lights what it points at and what points at it.
  const light = (event) => {
    const card = event && event.target.closest ? event.target.closest("[data-local], [data-block], [data-static]") : null;
    document.querySelectorAll(".lit").forEach((element) => element.classList.remove("lit"));
    view.lit = null;
    if (card && view.scene) {
      const memory = $("memory");
      const lit = new Set();
      for (const edge of view.scene.edges) {
        const source = memory.querySelector(`[data-from="${edge.number}"]`);
        const target = endOf(edge.to, memory);
        if (!source || !target || !(card.contains(source) || card === target || card.contains(target))) continue;
        lit.add(edge.number);
        (card.contains(source) ? target : source.closest("[data-local], [data-block]") || source).classList.add("lit");
      }
      if (lit.size) view.lit = lit;
    }
    drawEdges();
  };

  // ---- Code, words, output ----
  const WORDS = new Set("as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type unsafe use where while".split(" "));
  const TOKEN = /(\/\/.*$)|(b?"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)')|(\b\d[\w.]*\b)|(\b[A-Za-z_]\w*\b)/g;
  const colored = (line) => {
    const parts = [];
    let last = 0;
    for (const match of line.matchAll(TOKEN)) {
      const [text, comment, string, number, word] = match;
      const kind = comment ? "c" : string ? "s" : number ? "n" : WORDS.has(word) ? "k" : null;
      if (!kind) continue;
      parts.push(line.slice(last, match.index), h(`span.${kind}`, null, text));
      last = match.index + text.length;
    }
    parts.push(line.slice(last));
    return parts;
  };
  const sources = new Map(data.head.sources.map((file) => [file.path, file.text === null ? null : lines(file.text)]));
  const sourceLine = (at) => ((at && sources.get(at.file)) || [])[at ? at.line - 1 : 0];
  let shownFile = null;
  const drawCode = (state) => {
    const file = state.at.file;
    const text = file === null ? null : sources.get(file);
    $("file").textContent = file === null ? "" : visible(file);
    if (shownFile !== file) {
      shownFile = file;
      replace("code", text
        ? text.map((line, index) => h("div.ln", { "data-line": index + 1 }, h("span.no", null, index + 1), h("span.mk"), h("span.src", null, colored(line))))
        : h("p.none", null, file === null ? "The debug information names no line here." : "The source is not part of this recording."));
    }
    const waiting = new Set();
    for (const thread of state.threads) {
      if (thread.id !== state.thread) continue;
      thread.frames.slice(1).forEach((frame) => { if (frame.at.file === file) waiting.add(frame.at.line); });
    }
    let current = null;
    for (const line of $("code").children) {
      const number = Number(line.dataset.line);
      const here = number === state.at.line;
      line.className = `ln${here ? " here" : waiting.has(number) ? " wait" : ""}`;
      if (line.children[1]) line.children[1].textContent = here ? "▶" : waiting.has(number) ? "▹" : "";
      if (here) { current = line; line.setAttribute("aria-current", "step"); } else line.removeAttribute("aria-current");
    }
    if (current) {
      const pane = $("code");
      const top = current.offsetTop - pane.offsetTop;
      if (top < pane.scrollTop + 24 || top > pane.scrollTop + pane.clientHeight - 60) pane.scrollTop = Math.max(0, top - pane.clientHeight / 2);
    }
  };

  const sentences = (events) => {
    const told = events.slice(0, 40);
    return [
      told.length ? h("ul", null, told.map((event) => h("li", null, prose(event.text), event.because ? [" ", h("span.because", null, h("i", null, "because"), " ", prose(event.because))] : null))) : null,
      events.length > told.length ? h("p.none", null, `and ${events.length - told.length} more`) : null,
    ];
  };

  const drawWords = (state) => {
    const line = sourceLine(state.at);
    const after = state.after || [];
    replace("words",
      h("p.now", null, `Step ${state.step}${part(state)}: about to run `, line ? h("code.line", null, line.trim()) : "the next line", " in ", h("code", null, visible(state.at.function)),
        state.parent_step ? ` (inside the call of step ${state.parent_step})` : "", "."),
      sentences(state.events),
      state.events.length || view.index === 0 ? null : h("p.none", null, "Nothing that is recorded changed."),
      after.length ? [h("p.now", null, "After this last step:"), sentences(after)] : null);
  };

  const drawOutput = (state) => {
    const [outText, outLength, errText, errLength, keptText, keptLength] = state.output;
    const streams = [
      ["", "Standard output", (data.head.stdout[outText] || "").slice(0, outLength)],
      ["err", "Standard error", (data.head.stderr[errText] || "").slice(0, errLength)],
      ["kept", "Captured by the test harness", (data.head.captured[keptText] || "").slice(0, keptLength)],
    ];
    const shown = streams.filter(([, , text]) => text);
    replace("output", shown.length
      ? shown.map(([kind, label, text]) => [
        kind === "kept" ? h("p.none", null, `${label}:`) : null,
        h("pre", { class: kind, "aria-label": label }, lines(text).join("\n")),
      ])
      : h("p.none", null, "Nothing yet."));
    for (const pane of $("output").children) pane.scrollTop = pane.scrollHeight;
  };

  // ---- The life of one thing ----
  const pick = (thing) => { view.thing = thing; drawLife(); $("life").scrollIntoView({ block: "nearest" }); };
  const concerns = (event, thing) => (thing.block !== undefined
    ? event.block === thing.block
    : event.to && event.to.frame === thing.frame && event.to.local === thing.local);
  const drawLife = () => {
    const { thing } = view;
    $("life").hidden = !thing;
    if (!thing) return;
    $("lifehead").textContent = `The life of ${thing.block !== undefined ? `block #${thing.block}` : visible(thing.local)}`;
    const entries = [];
    for (let index = 0; index < count && entries.length < 500; index += 1) {
      const row = rows[index];
      const events = item(row[shapes[row[0]].indexOf("events") + 1]);
      for (const event of events) if (concerns(event, thing)) entries.push([index, event]);
    }
    replace("lifelist", entries.map(([index, event]) => h("li", { class: index === view.index ? "now" : null },
      h("a", { href: `#step=${stepOf(index)}` }, `step ${event.step ?? stepOf(index)}`), ": ", prose(event.text))),
    entries.length ? null : h("li.none", null, "No event of it was recorded."));
  };

  // ---- Time line ----
  // Inside of a step, in a page that was written with its parts.
  const part = (state) => (state.part === null ? ", a later part" : state.part ? `, part ${state.part}` : "");
  const stepOf = (index) => item(rows[index][shapes[rows[index][0]].indexOf("step") + 1]);
  const drawMarks = () => {
    const heap = [];
    const stack = [];
    const ticks = [];
    for (let index = 0; index < count; index += 1) {
      const state = stateAt(index);
      heap.push(state.blocks.reduce((sum, block) => sum + (block.state === "live" ? block.size : 0), 0));
      const thread = state.threads.find((t) => t.id === state.thread);
      stack.push(thread ? thread.stack.used : 0);
      if (count <= 400) {
        for (const event of state.events) {
          if (event.kind === "alloc" || event.kind === "free") ticks.push([index, event.kind]);
        }
      }
      states[index] = undefined;
    }
    const width = Math.max(1, count - 1);
    const layer = $("marks");
    layer.setAttribute("viewBox", `0 0 ${width} 20`);
    const scale = (values) => { const top = Math.max(1, ...values); return values.map((value) => 19 - (value / top) * 17); };
    const h2 = scale(heap);
    const area = h2.map((y, x) => `${x ? `H${x}` : "M0 20"}V${y.toFixed(1)}`).join("");
    layer.append(svg("path", { class: "curve-heap", d: `${area}V20z` }));
    layer.append(svg("path", { class: "curve-stack", d: scale(stack).map((y, x) => (x ? `H${x}V${y.toFixed(1)}` : `M0 ${y.toFixed(1)}`)).join("") }));
    for (const [x, kind] of ticks) layer.append(svg("path", { class: `tick ${kind}`, d: kind === "alloc" ? `M${x} 20v-5` : `M${x} 0v5` }));
  };

  const drawLegend = () => {
    const kinds = [["owns", "owns: frees it when dropped"], ["shares", "one of several owners (Rc, Arc)"], ["borrows", "borrows (&): may read, does not own"],
      ["borrows-mut", "borrows mutably (&mut): may change it, nobody else may use it"], ["weak", "Weak: does not keep it alive"], ["raw", "raw pointer"]];
    const line = (kind) => svg("svg", { width: 54, height: 16, "aria-hidden": "true" },
      svg("path", { class: `e ${kind}`, d: "M6 8H44" }), kind === "borrows-mut" ? svg("path", { class: "e borrows-mut core", d: "M6 8H44" }) : null,
      ["owns", "shares", "weak"].includes(kind) ? svg("path", { class: `m ${kind}`, d: diamond(kind === "shares" ? 11 : 8, 8, kind) }) : svg("circle", { class: `m ${kind}`, cx: 6, cy: 8, r: 3 }),
      svg("path", { class: `m ${kind}${["owns", "shares"].includes(kind) ? "" : " open"}`, d: `M42 3L51 8L42 13${["owns", "shares"].includes(kind) ? "z" : ""}` }));
    replace("legend", kinds.map(([kind, words]) => h("span", null, line(kind), words)),
      h("span", null, h("span.cell.swatch.pad"), "padding: bytes of no field"),
      h("span", { class: "stale" }, h("span.cell.swatch"), "moved or dropped: old bytes, no value"),
      h("span", null, "A box is as wide as its bytes: a word of 8 bytes is ", h("span.cell.swatch", { "--n": 8 }), ", a byte ", h("span.cell.swatch", { "--n": 1 })));
  };

  const drawHead = () => {
    $("title").textContent = visible(data.head.title);
    $("summary").textContent = data.head.summary ? visible(data.head.summary) : "";
    replace("notes", (data.head.findings || []).concat(data.head.notes).map((note) => h("li", null, prose(note))));
    if (data.head.table) {
      $("table").hidden = false;
      const side = (told) => h("td", null, told.map((text) => h("p", null, prose(text), ".")));
      replace("rows", data.head.table.map((row) => h("tr", null, h("th", { scope: "row" }, row.topic), side(row.stack), side(row.heap))));
    }
  };

  // ---- Putting a step on the page ----
  const sceneOf = (index) => {
    const state = stateAt(index);
    const previous = index > 0 ? stateAt(index - 1) : null;
    const scene = { state, before: localsOf(previous), hasBefore: previous !== null, fromLocal: new Map(), fromBlock: new Map(), covers: new Map(), edges: [] };
    scene.blocksBefore = new Map((previous ? previous.blocks : []).map((block) => [block.id, block]));
    const thread = state.threads.find((t) => t.id === state.thread);
    scene.focus = thread && thread.frames[0] ? thread.frames[0].id : null;
    const sizes = new Map(state.blocks.map((block) => [block.id, block.size]));
    const add = (map, name, value) => { if (!map.has(name)) map.set(name, []); map.get(name).push(value); };
    state.edges.forEach((edge, number) => {
      const shown = { ...edge, number };
      scene.edges.push(shown);
      if (edge.from.frame !== undefined) add(scene.fromLocal, key(edge.from.frame, edge.from.local), shown);
      if (edge.from.block !== undefined) add(scene.fromBlock, edge.from.block, shown);
      const { to } = edge;
      if (to.block !== undefined && to.bytes && (to.offset > 0 || to.bytes < sizes.get(to.block)) && edge.kind.startsWith("borrows")) {
        add(scene.covers, `b${to.block}`, [to.offset, to.offset + to.bytes]);
      }
    });
    return scene;
  };

  const draw = () => {
    const scene = sceneOf(view.index);
    const { state } = scene;
    view.scene = scene;
    view.lit = null;
    document.body.classList.toggle("show-hex", view.hex);
    drawCode(state);
    drawWords(state);
    drawOutput(state);
    replace("stack", state.threads.map((thread) => drawThread(scene, thread, state.threads.length > 1)));
    drawHeap(scene);
    drawStatics(scene);
    drawLife();
    drawEdges();
    $("count").textContent = `step ${state.step} of ${state.steps}${part(state)}`;
    $("slider").value = view.index;
    $("slider").setAttribute("aria-valuetext", `step ${state.step} of ${state.steps}${part(state)}`);
    for (const id of ["first", "back"]) $(id).disabled = view.index === 0;
    for (const id of ["next", "last", "over", "out"]) $(id).disabled = view.index === count - 1;
    for (const toggle of toggles) $(toggle).checked = view[toggle];
  };

  const indexOfStep = (step) => {
    let best = 0;
    for (let index = 0; index < count; index += 1) if (stepOf(index) <= step) best = index;
    return best;
  };
  const writeHash = () => {
    const parts = [`step=${stepOf(view.index)}`].concat(toggles.filter((toggle) => view[toggle]).map((toggle) => `${toggle}=1`));
    history.replaceState(null, "", `#${parts.join("&")}`);
  };
  const readHash = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const toggle of toggles) view[toggle] = given.get(toggle) === "1";
    const step = Number(given.get("step"));
    view.index = step > 0 ? indexOfStep(step) : view.index;
  };
  const go = (index) => {
    view.index = Math.max(0, Math.min(count - 1, index));
    for (let other = 0; other < states.length; other += 1) if (Math.abs(other - view.index) > 64) states[other] = undefined;
    writeHash();
    draw();
  };
  // The next step of this thread that is not deeper than `most`.
  const upTo = (most) => {
    const { thread } = stateAt(view.index);
    let index = view.index + 1;
    while (index < count - 1 && (stateAt(index).thread !== thread || stateAt(index).depth > most)) index += 1;
    go(index);
  };
  const over = () => upTo(stateAt(view.index).depth);
  const out = () => upTo(stateAt(view.index).depth - 1);

  const start = () => {
    drawHead();
    drawLegend();
    if (!count) {
      $("words").textContent = "This recording has no steps.";
      return;
    }
    drawMarks();
    $("slider").max = count - 1;
    $("slider").addEventListener("input", (event) => go(Number(event.target.value)));
    const buttons = { first: () => go(0), back: () => go(view.index - 1), next: () => go(view.index + 1), last: () => go(count - 1), over, out };
    for (const [id, action] of Object.entries(buttons)) $(id).addEventListener("click", action);
    for (const toggle of toggles) $(toggle).addEventListener("change", (event) => { view[toggle] = event.target.checked; go(view.index); });
    $("lifeclose").addEventListener("click", () => { view.thing = null; drawLife(); });
    $("memory").addEventListener("pointerover", light);
    $("memory").addEventListener("pointerleave", () => light(null));
    $("memory").addEventListener("focusin", light);
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.type === "range") return;
      const far = event.shiftKey ? 10 : 1;
      const keys = { ArrowRight: () => go(view.index + far), ArrowLeft: () => go(view.index - far), Home: () => go(0), End: () => go(count - 1), n: over, o: out };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    window.addEventListener("hashchange", () => { readHash(); draw(); });
    new ResizeObserver(drawEdges).observe($("memory"));
    readHash();
    draw();
  };
  start();
})();
