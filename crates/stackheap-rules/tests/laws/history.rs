//! Questions about a history that are answered by looking at all of it.

use stackheap_rules::{Event, SlotId};

/// The positions of the events that are so.
pub fn all(events: &[Event], is: impl Fn(&Event) -> bool) -> Vec<usize> {
    (0..events.len()).filter(|at| is(&events[*at])).collect()
}

pub fn any(events: &[Event], is: impl Fn(&Event) -> bool) -> bool {
    events.iter().any(is)
}

/// Whether a slot of a frame has storage: some start of it that no end follows.
pub fn has_storage(events: &[Event], id: SlotId) -> bool {
    use stackheap_rules::Home;
    let begun = |event: &Event| matches!(event, Event::StorageLive { slot, .. } if *slot == id);
    all(events, begun).into_iter().any(|at| {
        let home = match events[at] {
            Event::StorageLive { home, .. } => home,
            _ => unreachable!("found as such"),
        };
        !any(&events[at..], |event| match event {
            Event::StorageDead { slot } => *slot == id,
            Event::Return { frame, .. } => home == Home::Frame(*frame),
            Event::Free { block } => home == Home::Block(*block),
            _ => false,
        })
    })
}
