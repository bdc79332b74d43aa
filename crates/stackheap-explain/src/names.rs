//! What the ids in an event stand for.

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
