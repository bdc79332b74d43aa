//! What the ids in an event stand for.

use std::collections::HashMap;

use stackheap_model::{Block, BlockId, Frame, FrameId, Local, LocalRole, State, ThreadId};

/// Where a sentence looks up what ids stand for.
pub trait Names {
    /// The frame with this id and the thread it is on, if it is known.
    fn frame(&self, id: FrameId) -> Option<(ThreadId, &Frame)>;

    /// The block with this id, if it is known.
    fn block(&self, id: BlockId) -> Option<&Block>;

    /// The thread and frame a reader is looking at, whose locals need no frame in their label.
    fn focus(&self) -> Option<FrameId>;

    /// The local of this name in this frame, if it is known.
    fn local(&self, frame: FrameId, name: &str) -> Option<&Local> {
        let (_, frame) = self.frame(frame)?;
        frame.locals.iter().find(|local| &*local.name == name)
    }

    /// How a reader calls this local: `` `s` ``, or `` `s` of `demo::main` `` outside the focus.
    fn local_label(&self, frame: FrameId, name: &str) -> String {
        let hidden = self
            .local(frame, name)
            .is_some_and(|local| local.role == LocalRole::Hidden);
        let kind = if hidden { "the temporary " } else { "" };
        if self.focus() == Some(frame) {
            return format!("{kind}`{name}`");
        }
        match self.frame(frame) {
            Some((_, owner)) => format!("{kind}`{name}` of `{}`", owner.function),
            None => format!("{kind}`{name}` of frame {frame}"),
        }
    }
}

/// Names of nothing: sentences then carry ids alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNames;

impl Names for NoNames {
    fn frame(&self, _: FrameId) -> Option<(ThreadId, &Frame)> {
        None
    }

    fn block(&self, _: BlockId) -> Option<&Block> {
        None
    }

    fn focus(&self) -> Option<FrameId> {
        None
    }
}

impl Names for State {
    fn frame(&self, id: FrameId) -> Option<(ThreadId, &Frame)> {
        self.threads
            .iter()
            .flat_map(|thread| thread.frames.iter().map(move |frame| (thread.id, frame)))
            .find(|(_, frame)| frame.id == id)
    }

    fn block(&self, id: BlockId) -> Option<&Block> {
        // Blocks are in the order of their numbers, but a state made elsewhere may not keep that.
        match self.blocks.binary_search_by_key(&id, |block| block.id) {
            Ok(index) => self.blocks.get(index),
            Err(_) => self.blocks.iter().find(|block| block.id == id),
        }
    }

    fn focus(&self) -> Option<FrameId> {
        let thread = self
            .threads
            .iter()
            .find(|thread| thread.id == self.thread)?;
        let user = thread.frames.iter().find(|frame| frame.user);
        user.or(thread.frames.first()).map(|frame| frame.id)
    }
}

/// The names of a state with an index of its frames, for asking about many of them: a stack may
/// have thousands.
#[derive(Debug)]
pub struct Indexed<'s> {
    state: &'s State,
    frames: HashMap<FrameId, (ThreadId, &'s Frame)>,
    focus: Option<FrameId>,
}

impl<'s> Indexed<'s> {
    /// The names of a state.
    pub fn of(state: &'s State) -> Self {
        let threads = state.threads.iter().rev();
        let frames = threads.flat_map(|thread| {
            let frames = thread.frames.iter().rev();
            frames.map(move |frame| (frame.id, (thread.id, frame)))
        });
        Self {
            state,
            // Of two with one id the first counts, as without an index.
            frames: frames.collect(),
            focus: state.focus(),
        }
    }
}

impl Names for Indexed<'_> {
    fn frame(&self, id: FrameId) -> Option<(ThreadId, &Frame)> {
        self.frames.get(&id).copied()
    }

    fn block(&self, id: BlockId) -> Option<&Block> {
        self.state.block(id)
    }

    fn focus(&self) -> Option<FrameId> {
        self.focus
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use stackheap_model::{
        At, BlockState, LocalState, Output, Owner, OwnerKind, Place, Region, RuntimeAddress, Stack,
        StepNumber, StepRef, StopNumber, Thread, Unknown, Value, ValueKind,
    };

    use super::*;

    /// A state with one frame, one local `s` of this type, and a block of 5 bytes that it owns.
    pub(crate) fn state_with_local(type_name: &str) -> State {
        let at = || At {
            position: None,
            function: "demo::main".into(),
        };
        let local = Local {
            name: "s".into(),
            role: LocalRole::Variable,
            type_name: type_name.into(),
            state: LocalState::Live,
            parts: Vec::new(),
            loans: Vec::new(),
            place: Place {
                region: Region::Stack,
                address: Some(RuntimeAddress(0x1000)),
                size: 24,
                align: Some(8),
                note: None,
            },
            value: Some(Arc::new(Value::text(ValueKind::String, "\"hello\""))),
            bytes: Vec::new(),
            cells: Arc::default(),
            declared: None,
        };
        let frame = Frame {
            id: FrameId(7),
            function: "demo::main".into(),
            at: at(),
            low: RuntimeAddress(0xf00),
            high: RuntimeAddress(0x1100),
            user: true,
            locals: vec![local],
            other_bytes: Vec::new(),
        };
        let block = Block {
            id: BlockId(1),
            address: RuntimeAddress(0x10),
            size: 5,
            align: Some(1),
            type_name: Some("[u8]".into()),
            state: BlockState::Live,
            as_of: None,
            owners: vec![Owner {
                kind: OwnerKind::Local {
                    frame: FrameId(7),
                    local: "s".into(),
                },
                path: "vec.buf".into(),
            }],
            no_owner_because: None,
            counts: None,
            thread: ThreadId(1),
            allocated: StepRef {
                step: None,
                position: None,
            },
            freed: None,
            value: Arc::new(Value::text(ValueKind::Sequence, "b\"hello\"")),
            bytes: Vec::new(),
            cells: Arc::default(),
        };
        State {
            step: StepNumber(2),
            steps: 3,
            part: Some(0),
            stop: StopNumber(2),
            parent_step: None,
            depth: 0,
            thread: ThreadId(1),
            at: at(),
            events: Vec::new(),
            threads: vec![Thread {
                id: ThreadId(1),
                name: None,
                as_of: None,
                ended: false,
                stack: Stack {
                    low: RuntimeAddress(0),
                    high: RuntimeAddress(0x2000),
                    limit: Err(Unknown::because("not read")),
                    used: 0,
                    high_water: 0,
                },
                frames: vec![frame],
            }],
            blocks: vec![block],
            outcome: stackheap_model::ProgramOutcome::Exit { code: 0 },
            after: Vec::new(),
            blocks_left_out: 0,
            statics: Vec::new(),
            edges: Vec::new(),
            output: Output::default(),
        }
    }

    #[test]
    fn a_local_outside_the_focus_is_called_with_its_function() {
        let mut state = state_with_local("i32");
        assert_eq!(state.local_label(FrameId(7), "s"), "`s`");
        assert_eq!(state.local_label(FrameId(9), "s"), "`s` of frame 9");
        let mut inner = state.threads[0].frames[0].clone();
        inner.id = FrameId(8);
        inner.function = "demo::inner".into();
        inner.locals[0].role = LocalRole::Hidden;
        state.threads[0].frames.insert(0, inner);
        assert_eq!(state.local_label(FrameId(7), "s"), "`s` of `demo::main`");
        assert_eq!(state.local_label(FrameId(8), "s"), "the temporary `s`");
    }

    #[test]
    fn a_handover_is_told_with_the_names_of_its_time() {
        let before = state_with_local("i32");
        let mut after = before.clone();
        let mut inner = after.threads[0].frames[0].clone();
        inner.id = FrameId(8);
        inner.function = "demo::take".into();
        after.threads[0].frames.insert(0, inner);
        after.blocks[0].owners[0].kind = OwnerKind::Local {
            frame: FrameId(8),
            local: "s".into(),
        };
        let owners = crate::Owners::of(&before);
        let passed = owners.handovers(&crate::Owners::of(&after));
        assert_eq!(passed.len(), 1);
        let words = crate::handover(&passed[0]);
        assert_eq!(
            words.text,
            "block #1 passed from `s` of `demo::main` to `s` of `demo::take`"
        );
        assert_eq!(
            words.because.as_deref(),
            Some("ownership goes with the pointer; the 5 bytes on the heap stayed at 0x10")
        );
        assert!(owners.handovers(&owners).is_empty());
        // Two places that hold it, or counts: nothing is known to have passed.
        let second = after.blocks[0].owners[0].clone();
        after.blocks[0].owners.push(second);
        assert!(owners.handovers(&crate::Owners::of(&after)).is_empty());
    }
}
