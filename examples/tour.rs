//! A picnic: one page of ordinary Rust that meets most of what memory has to offer.
//!
//! Step through it with `stackheap run examples/tour.rs`.
//!
//! exit: 0

use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// One counter for the whole run: in no frame and in no block.
static CRUMBS: AtomicUsize = AtomicUsize::new(0);

trait Guest {
    fn eat(&self, basket: &mut Vec<String>) -> usize;
}

struct Ant; // no bytes at all

struct Bear {
    name: String,
    hunger: usize,
}

fn bear(name: &str, hunger: usize) -> Bear {
    let name = name.to_string();
    Bear { name, hunger } // built here, moved out to whoever called
}

impl Guest for Ant {
    fn eat(&self, _basket: &mut Vec<String>) -> usize {
        println!("an ant carries off a crumb"); // <ant> frames = eat, main; _basket: borrows-mut main::basket
        1
    }
}

impl Guest for Bear {
    fn eat(&self, basket: &mut Vec<String>) -> usize {
        let mut crumbs = 0;
        while crumbs < self.hunger {
            let Some(snack) = basket.pop() else { break };
            println!("{} eats the {snack}", self.name); // <bear> snack: live, owns a block; main::basket: live
            crumbs += snack.len();
        }
        crumbs
    }
}

impl Drop for Bear {
    fn drop(&mut self) {
        println!("{} walks home", self.name); // <home> frames = drop, main
    }
}

struct Blanket {
    colour: &'static str,
}

/// Takes the text over, adds to it, and hands it back: one block, three owners in turn.
fn sign(mut note: String) -> String {
    note.push_str(", love, Ferris"); // <sign> note: live, owns a block; main::note#1: not live
    note
}

/// Lends nothing but a view of one of the snacks.
fn longest(basket: &[String]) -> &str {
    let mut best = "";
    for snack in basket {
        if snack.len() > best.len() {
            best = snack; // <longest#2> best: live, borrows heap of main::basket
        }
    }
    best
}

/// A tower of cups: each call is a frame on top of the frame before.
fn stack_cups(cups: u32) -> u32 {
    if cups == 0 {
        return 0; // <cups#2> frames = stack_cups, stack_cups, stack_cups, stack_cups, stack_cups, main
    }
    1 + stack_cups(cups - 1)
}

fn main() {
    let rule = "no bees"; // the letters are in read-only data, two words are here
    let mut basket: Vec<String> = Vec::new(); // three words, and no block yet
    for snack in ["plum", "bun", "pear", "honeycomb", "tart"] {
        basket.push(snack.to_string()); // <basket> rule: live, borrows 7 bytes of rodata; basket: owns nothing
    }

    let note = String::from("Back at six"); // <full> basket: live, place stack, owns 6 blocks in all
    let note = sign(note);
    println!("{note}; {rule}; the best is the {}", longest(&basket)); // <note> note#2: live, owns a block

    let guests: Vec<Box<dyn Guest>> = vec![
        Box::new(Ant),
        Box::new(bear("Bruno", 12)), // 12 letters of snacks and he is full
    ];
    for guest in &guests {
        let crumbs = guest.eat(&mut basket); // <eat#2> guest: live, borrows heap of guests
        CRUMBS.fetch_add(crumbs, Ordering::Relaxed);
    }

    let blanket = Rc::new(Blanket { colour: "red" });
    let seat = Rc::clone(&blanket); // the same block, counted twice
    let memory: Weak<Blanket> = Rc::downgrade(&blanket);
    drop(blanket); // <shared> blanket: shares block with seat; memory: weak to seat
    println!("the {} blanket is still here", seat.colour);
    drop(seat);
    println!("the blanket is gone: {}", memory.upgrade().is_none()); // <folded> memory: live, place stack

    let kite = thread::spawn(|| {
        let height = stack_cups(3) * 10; // a stack of its own
        height + 1 // <kite> frames = {closure#0}; height: live, place stack
    });
    println!("the kite flew at {} m", kite.join().unwrap());
    let crumbs = CRUMBS.load(Ordering::Relaxed);
    println!("{} cups, {crumbs} crumbs", stack_cups(4));
} // <end> guests: live, owns a block; basket: live
