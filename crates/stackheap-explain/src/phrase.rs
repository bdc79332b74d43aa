//! Short phrases: places, regions, states, owners, outcomes.

use stackheap_model::{
    CellKind, EdgeKind, FrameBytes, FrameBytesKind, LocalRole, LocalState, Owner, OwnerKind, Place,
    Position, ProgramOutcome, Region, StepRef,
};

use crate::{Names, size, visible};

/// A region with its preposition: `on the stack`.
pub fn region(region: Region) -> &'static str {
    match region {
        Region::Stack => "on the stack",
        Region::Heap => "on the heap",
        Region::Static => "in static memory",
        Region::Rodata => "in read-only data",
        Region::Tls => "in thread-local memory",
        Region::Code => "in machine code",
        Region::Mapped => "in mapped memory",
        Region::Foreign => "in memory of another allocator",
        Region::Register => "in a register",
        Region::None => "nowhere in memory",
    }
}

/// Where a value lives, with its size: `24 bytes on the stack at 0x7ffd10`.
pub fn place(place: &Place) -> String {
    match (place.region, &place.note, place.address) {
        (Region::Register, Some(register), _) => {
            format!("{} in register {}", size(place.size), visible(register))
        }
        (Region::None, Some(reason), _) => format!("nowhere in memory: {}", visible(reason)),
        (Region::None, None, _) if place.size == 0 => "0 bytes: takes no memory".to_owned(),
        (other, _, Some(address)) => {
            format!("{} {} at {address}", size(place.size), region(other))
        }
        (other, _, None) => format!("{} {}", size(place.size), region(other)),
    }
}

/// `src/main.rs:9:13`.
pub fn position(position: &Position) -> String {
    format!(
        "{}:{}:{}",
        visible(&position.file),
        position.line,
        position.column
    )
}

/// What follows a step's number: nothing at its beginning, else `, part 2`.
pub fn part(part: Option<u32>) -> String {
    match part {
        Some(0) => String::new(),
        Some(part) => format!(", part {part}"),
        None => ", a later part".to_owned(),
    }
}

/// `step 4, src/main.rs:8:13`; `before the first step` where there is none.
pub fn step_ref(at: &StepRef) -> String {
    let step = match at.step {
        Some(step) => format!("step {step}"),
        None => "before the first step".to_owned(),
    };
    match &at.position {
        Some(here) => format!("{step}, {}", position(here)),
        None => step,
    }
}

/// `at step 4, src/main.rs:8:13`; `before the first step` where there is none.
pub fn when(at: &StepRef) -> String {
    match at.step {
        Some(_) => format!("at {}", step_ref(at)),
        None => step_ref(at),
    }
}

/// The state of a local in words; empty for a live one, which needs none.
pub fn local_state(state: &LocalState) -> String {
    match state {
        LocalState::Live => String::new(),
        LocalState::Uninit => "not initialised yet".to_owned(),
        LocalState::PartlyMoved => "partly moved out".to_owned(),
        LocalState::Moved => "moved out".to_owned(),
        LocalState::Dropped => "dropped".to_owned(),
        LocalState::OutOfScope => "out of scope".to_owned(),
        LocalState::Unknown(unknown) => format!("unknown: {}", visible(&unknown.reason)),
    }
}

/// What a local is in the source; empty for a variable, which needs no word.
pub fn local_role(role: LocalRole) -> &'static str {
    match role {
        LocalRole::Parameter => "parameter",
        LocalRole::Variable => "",
        LocalRole::Capture => "captured",
        LocalRole::Hidden => "made by the compiler",
    }
}

/// What a pointer means, as a verb.
pub fn edge_kind(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Owns => "owns",
        EdgeKind::Shares => "shares ownership of",
        EdgeKind::Weak => "points weakly at",
        EdgeKind::Borrows => "borrows",
        EdgeKind::BorrowsMut => "borrows mutably",
        EdgeKind::Raw => "points at",
        EdgeKind::Fn => "calls",
        EdgeKind::Vtable => "has the vtable",
    }
}

/// What a cell of a drawing holds.
pub fn cell_kind(kind: CellKind) -> &'static str {
    match kind {
        CellKind::Scalar => "plain data",
        CellKind::Pointer => "an address",
        CellKind::Length => "a length or capacity",
        CellKind::Vtable => "the address of a vtable",
        CellKind::Tag => "the tag of an enum",
        CellKind::Padding => "padding: belongs to no field",
        CellKind::Raw => "bytes without a known meaning",
    }
}

/// What bytes of a frame without a local are.
pub fn frame_bytes(bytes: &FrameBytes) -> String {
    match (bytes.kind, &bytes.note) {
        (FrameBytesKind::ReturnAddress, Some(function)) => {
            format!("return address, back into `{}`", visible(function))
        }
        (FrameBytesKind::ReturnAddress, None) => "return address".to_owned(),
        (FrameBytesKind::SavedRegister, Some(register)) => {
            format!("the caller's register {}, saved", visible(register))
        }
        (FrameBytesKind::SavedRegister, None) => "a register of the caller, saved".to_owned(),
        (FrameBytesKind::Unnamed, _) => {
            "arguments, temporaries, spills or padding: the debug information does not tell which"
                .to_owned()
        }
    }
}

/// An owner of a block: `` `t` ``, `` static `demo::TABLE` ``, `block #2`.
pub fn owner(owner: &Owner, names: &dyn Names) -> String {
    match &owner.kind {
        OwnerKind::Local { frame, local } => names.local_label(*frame, &visible(local)),
        OwnerKind::Temporary { frame, from } => {
            let from = names.local_label(*frame, &visible(from));
            format!("an argument that was moved out of {from}")
        }
        OwnerKind::Frame { function, .. } => {
            format!(
                "the call of `{}`, which it was moved into",
                visible(function)
            )
        }
        OwnerKind::Static { name } => format!("static `{}`", visible(name)),
        OwnerKind::Tls { name } => format!("thread-local `{}`", visible(name)),
        OwnerKind::Block { block, .. } => format!("block #{block}"),
    }
}

/// How the program ended.
pub fn outcome(outcome: &ProgramOutcome) -> String {
    match outcome {
        ProgramOutcome::Exit { code: 0 } => "the program ended normally".to_owned(),
        ProgramOutcome::Exit { code } => format!("the program ended with exit status {code}"),
        ProgramOutcome::Signal { number, name } => {
            format!("the program was ended by signal {number} ({name})")
        }
        ProgramOutcome::BuildFailed => "the program did not build".to_owned(),
        ProgramOutcome::Unknown(unknown) => {
            format!(
                "how the program ended is unknown: {}",
                visible(&unknown.reason)
            )
        }
    }
}
