//! A `Weak` does not keep its value alive: an upgrade is a new owner, or `None`.
//! exit: 0

use std::rc::{Rc, Weak};

struct Noisy(&'static str);

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("drop {}", self.0);
    }
}

fn main() {
    let strong = Rc::new(Noisy("strong"));
    let weak: Weak<Noisy> = Rc::downgrade(&strong);
    if let Some(owner) = weak.upgrade() {
        println!("=owner.strong {}", Rc::strong_count(&owner)); // <upgraded> owner: live, shares block with strong
        //   weak: weak to strong; owner.strong = 2
    }
    println!("=strong.strong {}", Rc::strong_count(&strong)); // <back> owner: not live; strong: live; strong.strong = 1
    drop(strong);
    println!("{}", weak.upgrade().is_none()); // <gone> strong: moved; weak: live; output ends "drop strong\n"
}
