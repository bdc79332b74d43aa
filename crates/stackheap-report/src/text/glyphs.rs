//! The characters of a drawing, in Unicode and in ASCII.

use stackheap_model::EdgeKind;

use super::Glyphs;

/// The characters of the border of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Border {
    pub(super) side: char,
    pub(super) flat: char,
    pub(super) top: [char; 3],
    pub(super) bottom: [char; 3],
}

/// All characters of a drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Set {
    /// Around values that are there.
    pub(super) live: Border,
    /// Around bytes whose value is gone.
    pub(super) stale: Border,
    /// The line at the left of a frame or block: top, side, bottom, flat.
    pub(super) rule: [char; 4],
    /// The same for a freed block.
    pub(super) ghost: [char; 4],
    pub(super) here: char,
    pub(super) bullet: &'static str,
    pub(super) dot: &'static str,
    pub(super) padding: char,
    /// Where text was cut.
    pub(super) cut: char,
    pub(super) bar: [char; 4],
    pub(super) gap: &'static str,
    edges: [&'static str; 8],
}

const UNICODE: Set = Set {
    live: Border {
        side: '│',
        flat: '─',
        top: ['┌', '┬', '┐'],
        bottom: ['└', '┴', '┘'],
    },
    stale: Border {
        side: '┊',
        flat: '┄',
        top: ['┌', '┬', '┐'],
        bottom: ['└', '┴', '┘'],
    },
    rule: ['╭', '│', '╰', '─'],
    ghost: ['╭', '┊', '╰', '┄'],
    here: '▶',
    bullet: "•",
    dot: "·",
    padding: '░',
    cut: '…',
    bar: ['▕', '█', '·', '▏'],
    gap: "⋮",
    edges: ["◆━▶", "◆═▶", "◇┈▷", "╌╌▷", "══▷", "─·▷", "ƒ─▷", "▤─▷"],
};

const ASCII: Set = Set {
    live: Border {
        side: '|',
        flat: '-',
        top: ['+', '+', '+'],
        bottom: ['+', '+', '+'],
    },
    stale: Border {
        side: ':',
        flat: '.',
        top: ['.', '.', '.'],
        bottom: [':', ':', ':'],
    },
    rule: ['+', '|', '+', '-'],
    ghost: ['.', ':', '.', '.'],
    here: '>',
    bullet: "*",
    dot: "-",
    padding: '/',
    cut: '~',
    bar: ['[', '#', '.', ']'],
    gap: ":",
    edges: ["#=>", "%=>", "o.>", "-->", "==>", "-.>", "f->", "v->"],
};

impl Set {
    pub(super) fn of(glyphs: Glyphs) -> &'static Self {
        match glyphs {
            Glyphs::Unicode => &UNICODE,
            Glyphs::Ascii => &ASCII,
        }
    }

    /// The arrow of an edge.
    pub(super) fn edge(&self, kind: EdgeKind) -> &'static str {
        let [
            owns,
            shares,
            weak,
            borrows,
            borrows_mut,
            raw,
            function,
            vtable,
        ] = self.edges;
        match kind {
            EdgeKind::Owns => owns,
            EdgeKind::Shares => shares,
            EdgeKind::Weak => weak,
            EdgeKind::Borrows => borrows,
            EdgeKind::BorrowsMut => borrows_mut,
            EdgeKind::Raw => raw,
            EdgeKind::Fn => function,
            EdgeKind::Vtable => vtable,
        }
    }
}
