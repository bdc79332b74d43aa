//! The laws, proved for every sequence of events up to a length.
//!
//! Each universe is a handful of slots, blocks and loans and all events about them. Every lawful
//! sequence is prolonged by every event, and for each the machine's answer is compared with laws
//! that are written over the whole history: there is an earlier free, there is a loan that no end
//! follows. The machine must refuse exactly what breaks a law, and name a law that is broken. So
//! what it accepts keeps all laws, and nothing lawful is refused.

mod explore;
mod history;
mod loans;
mod owners;
mod shared_loans;
mod stack;
